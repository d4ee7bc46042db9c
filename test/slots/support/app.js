// The app that tests deploy: one public and one internal port, and a behaviour its commit decides.
const fs = require('node:fs');
const http = require('node:http');
const { performance } = require('node:perf_hooks');
const { setInterval, setTimeout, clearInterval } = require('node:timers');
const { URL } = require('node:url');

const behaviour = JSON.parse(fs.readFileSync('behaviour.json', 'utf8'));
const { PORT, INTERNAL_PORT } = process.env;
let quiet = false;
let healthy = !behaviour.unhealthy;

if (behaviour.handlesQuiet) {
  process.on('SIGUSR2', () => (quiet = true));
  process.on('SIGCONT', () => (quiet = false));
}
process.on('SIGTERM', () => {
  if (!behaviour.ignoresTerm) process.exit(0);
});
if (behaviour.child) {
  // A grandchild that does not heed SIGTERM either.
  require('node:child_process').spawn('sh', ['-c', 'trap "" TERM; while :; do sleep 1; done'], {
    stdio: 'ignore',
  });
}

const app = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  if (url.pathname === '/headers') return json(response, request.rawHeaders);
  if (url.pathname === '/work') {
    const end = performance.now() + (behaviour.workMs ?? 0);
    while (performance.now() < end);
  }
  if (url.pathname === '/fail' || behaviour.failing) return void response.writeHead(500).end();
  if (url.pathname === '/stream') {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-version': behaviour.version });
    response.write('data: first\n\n');
    const timer = setInterval(() => response.write('data: more\n\n'), 20);
    return void response.on('close', () => (clearInterval(timer), (streamsClosed += 1)));
  }
  if (url.pathname === '/slow') {
    // The request ends when a second one says so.
    return void waiting.push(response);
  }
  if (url.pathname === '/release') {
    for (const one of waiting.splice(0)) one.end(behaviour.version);
    return json(response, {});
  }
  if (url.pathname === '/echo') {
    response.writeHead(200, { 'x-method': request.method });
    return void request.pipe(response);
  }
  if (url.pathname === '/state') return json(response, { quiet, streamsClosed, waiting: waiting.length });
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.end(behaviour.version);
});
const waiting = [];
let streamsClosed = 0;

app.on('upgrade', (request, socket, head) => {
  if (request.url === '/refuse')
    return void socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
  socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\n');
  socket.on('error', () => socket.destroy());
  if (head.length > 0) socket.write(head);
  socket.on('data', (chunk) => socket.write(`${behaviour.version}:${chunk}`));
});

const internal = http.createServer((request, response) => {
  const url = new URL(request.url, 'http://app');
  switch (url.pathname) {
    case '/healthz':
      return void response.writeHead(healthy ? 200 : 503).end();
    case '/schema/status':
      return json(response, {
        current_schema_version: Number(fs.readFileSync(process.env.SCHEMA_FILE, 'utf8')),
        code_min_schema_version: behaviour.schema[0],
        code_max_schema_version: behaviour.schema[1],
      });
    case '/env':
      return json(response, {
        value: process.env[url.searchParams.get('key')] ?? null,
        cwd: process.cwd(),
        version: behaviour.version,
      });
    case '/control/crash':
      return process.exit(1);
    case '/control/sick':
      healthy = false;
      return json(response, {});
    case '/quiet':
      return json(response, { quiet });
  }
  response.writeHead(404).end();
});

function json(response, value) {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

setTimeout(() => {
  if (process.env.INTERNAL_SOCKET) internal.listen(process.env.INTERNAL_SOCKET);
  else internal.listen(Number(INTERNAL_PORT), '127.0.0.1');
  app.listen(Number(PORT), '127.0.0.1');
}, behaviour.bootDelayMs ?? 0);
