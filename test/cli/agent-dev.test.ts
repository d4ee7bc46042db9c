/** `reveille agent dev`: real folders, real builds, and nothing left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { useProcesses, type TestProcess } from '../support/processes';
import { ensurePython } from '../support/python';
import { until } from '../support/until';
import { isDead, procStat } from '../../src/os/proc-stat';

const ROOT = resolve(__dirname, '../..');
const CLI = join(ROOT, 'dist/cli/index.js');
/** A build by tsc on a busy machine. */
const READY_MS = 20_000;

const processes = useProcesses();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(() => folder.remove());
const at = (...parts: string[]) => join(folder.path, ...parts);

/** An agent of one file. It writes down its process, and that of a child, which may ignore SIGTERM. */
const source = (greeting: string, child = ''): string => `
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
const child = spawn(process.execPath, ['-e', "${child} setInterval(() => {}, 1000)"], { stdio: 'inherit' });
writeFileSync('pids.log', JSON.stringify([process.pid, child.pid]));
const greeting: string = ${JSON.stringify(greeting)};
const { PORT, COLOUR, SHELL_COLOUR, REVEILLE_API_KEY, AGENT_GRACE_SECONDS, RESULT_WEBHOOK_URL } = process.env;
const server = createServer(async (req, res) => {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  res.writeHead(req.method === 'POST' ? 202 : 200, { 'content-type': 'application/json' });
  res.end(JSON.stringify({ status: 'ok', accepted: true, greeting, COLOUR, SHELL_COLOUR, REVEILLE_API_KEY, AGENT_GRACE_SECONDS, RESULT_WEBHOOK_URL }));
  if (req.url !== '/run') return;
  const { workflowId, stepId, runId, config } = JSON.parse(Buffer.concat(chunks).toString());
  const body = JSON.stringify({ workflowId, stepId, runId, status: 'success', output: { greeting }, durationMs: 1 });
  await fetch(config.webhookUrl, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
});
server.listen(Number(PORT), () => console.log(JSON.stringify({ level: 30, msg: 'listening', agentId: 'x', greeting })));
`;

/** Where the build is not what is tried: a tenth of the time. */
const QUICK_BUILD = 'esbuild src/index.ts --outfile=dist/index.js --platform=node --format=cjs';

async function writeAgent(build = QUICK_BUILD): Promise<void> {
  await mkdir(at('src'), { recursive: true });
  await symlink(join(ROOT, 'node_modules'), at('node_modules'));
  await writeFile(at('Procfile'), 'web: node dist/index.js\n');
  await writeFile(at('.env'), 'COLOUR=red\nSHELL_COLOUR=red\nBLANK=\n');
  await writeFile(at('package.json'), JSON.stringify({ name: 'x', scripts: { build } }));
  const compilerOptions = {
    ...{ rootDir: 'src', outDir: 'dist', target: 'es2023', module: 'node16', skipLibCheck: true },
    ...{ types: ['node'], strict: true, noEmitOnError: true },
  };
  await writeFile(at('tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  await writeFile(at('src', 'index.ts'), source('first', "process.on('SIGTERM', () => {});"));
}

async function dev(args: string[] = [], env: Record<string, string> = {}) {
  const [port, inboxPort] = [await freePort(), await freePort()];
  const options = ['--port', String(port), '--inbox-port', String(inboxPort), ...args];
  const child = await processes.start(process.execPath, [CLI, 'agent', 'dev', folder.path, ...options], {
    env: {
      NO_COLOR: '1',
      AGENT_SECRET: undefined,
      REVEILLE_API_KEY: 'key-canary',
      SHELL_COLOUR: 'blue',
      ...env,
    },
  });
  const health = async () =>
    (await (
      await fetch(`http://127.0.0.1:${port}/health`, { headers: { connection: 'close' } })
    ).json()) as Record<string, unknown>;
  return { child, url: `http://localhost:${port}`, inbox: `http://127.0.0.1:${inboxPort}`, health };
}

const pids = async (): Promise<number[]> => JSON.parse(await readFile(at('pids.log'), 'utf8')) as number[];
const isGone = (pid: number): boolean => {
  const stat = procStat(pid);
  return stat === undefined || isDead(stat);
};
const allGone = (those: number[]) =>
  until(() => those.every(isGone), { what: `the end of ${those.join(', ')}` });
const times = (child: TestProcess, pattern: RegExp): number => (child.output().match(pattern) ?? []).length;
const ready = (child: TestProcess, count: number) =>
  until(() => times(child, /ready in/g) >= count, {
    deadlineMs: READY_MS,
    what: `start number ${count}`,
  }).catch((cause: unknown) => {
    throw new Error(child.output(), { cause });
  });

it('builds and runs an agent in TypeScript, with its variables, and says what to try', async () => {
  await writeAgent('tsc -p .');
  const { child, url, inbox, health } = await dev();
  await child.waitFor(/ready in/, READY_MS);
  await child.waitFor(/agent check/);
  expect(child.output()).toContain(`npx reveille agent send ${url}\n`);
  expect(child.output()).toContain(`npx reveille agent check ${url} --input ${folder.path}\n`);
  expect(child.output()).toMatch(/built in [\d.]+ s[^]*agent │ info {2}listening greeting=first/);
  expect(await health()).toEqual({
    ...{ status: 'ok', accepted: true, greeting: 'first' },
    // The shell goes before .env, as everywhere; a key of the orchestrator stays here.
    ...{ COLOUR: 'red', SHELL_COLOUR: 'blue', AGENT_GRACE_SECONDS: '1' },
    RESULT_WEBHOOK_URL: `${inbox}/webhook`,
  });
  // What is printed to try is tried.
  const sent = await processes.start(process.execPath, [CLI, 'agent', 'send', url], {
    env: { NO_COLOR: '1' },
  });
  expect([(await sent.exited).code, sent.output()]).toEqual([
    0,
    expect.stringMatching(/"greeting": "first"/),
  ]);
  await fetch(`${inbox}/webhook`, { method: 'POST', body: '{"status": "done"}' });
  await child.waitFor(/inbox │ .*POST \/webhook[^]*✗ status/);
  const started = await pids();
  child.killAlone('SIGINT');
  expect((await child.exited).code).toBe(0);
  await allGone(started);
});

it('reloads on a change of source or settings, and keeps what runs when a build fails', async () => {
  await writeAgent();
  const { child, health } = await dev();
  await child.waitFor(/ready in/, READY_MS);
  const before = await pids();

  await writeFile(at('src', 'index.ts'), source('second'));
  await ready(child, 2);
  expect(child.output()).toMatch(/src\/index\.ts changed/);
  expect((await health()).greeting).toBe('second');
  await allGone(before);

  await writeFile(at('src', 'index.ts'), 'const broken = = 1;');
  await child.waitFor(/build │ .*Unexpected "="[^]*the version before goes on/, READY_MS);
  expect((await health()).greeting).toBe('second');

  await writeFile(at('src', 'index.ts'), source('third'));
  await ready(child, 3);
  await writeFile(at('.env'), 'COLOUR=green\n');
  await ready(child, 4);
  expect(await health()).toMatchObject({ greeting: 'third', COLOUR: 'green' });

  // None of the agent's sources: nothing happens until the next real change.
  await writeFile(at('README.md'), 'words');
  await mkdir(at('dist', 'x'), { recursive: true });
  await writeFile(at('src', 'index.ts'), source('fourth'));
  await ready(child, 5);
  expect(times(child, / changed/g)).toBe(5);
  const started = await pids();
  child.killAlone('SIGTERM');
  expect((await child.exited).code).toBe(0);
  await allGone(started);
});

it('says that an agent ended, and starts it again after a change', async () => {
  await writeFile(at('Procfile'), 'web: node agent.js\n');
  await writeFile(at('agent.js'), 'console.log("no port"); process.exit(3);');
  const { child, health } = await dev();
  await child.waitFor(/agent │ no port[^]*the agent ended with code 3; waiting for a change/);
  await writeFile(
    at('agent.js'),
    `require('node:http').createServer((req, res) => res.end('{"status":"ok"}')).listen(process.env.PORT)`,
  );
  await ready(child, 1);
  expect(await health()).toEqual({ status: 'ok' });
  await rm(at('Procfile'));
  await child.waitFor(/Cannot read .*Procfile/);
  child.killAlone('SIGINT');
  expect((await child.exited).code).toBe(0);
});

it('does not call an agent ready whose job does not load, and does once it is mended', async () => {
  await writeFile(at('Procfile'), 'web: node agent.js\n');
  const agent = (said: string) =>
    `require('node:http').createServer((req, res) => res.end('{"status":"ok"}'))
       .listen(process.env.PORT, () => console.log('{"message":"${said}"}'))`;
  await writeFile(at('agent.js'), agent('not ready for work'));
  const { child, health } = await dev();
  await child.waitFor(/agent │ info {2}not ready for work\n.*the agent can do no job; waiting for a change/);
  // It answers, which is what made it look ready.
  expect(await health()).toEqual({ status: 'ok' });
  await writeFile(at('agent.js'), agent('mended'));
  await ready(child, 1);
  expect(child.output()).toMatch(/agent\.js changed[^]*ready in[^]*agent send/);
  expect(child.output()).not.toMatch(/ready in[^]*agent\.js changed/);
  child.killAlone('SIGINT');
  expect((await child.exited).code).toBe(0);
});

it('hears it from the scaffold in Python, whose job is imported when it listens', async () => {
  await ensurePython();
  await cp(join(ROOT, 'agents/_template-python'), folder.path, { recursive: true });
  const job = await readFile(at('job.py'), 'utf8');
  await writeFile(at('job.py'), 'import a_module_that_nobody_has\n');
  const { child } = await dev();
  await child.waitFor(/not ready for work .*ModuleNotFoundError[^]*the agent can do no job/, READY_MS);
  await writeFile(at('job.py'), job);
  await child.waitFor(/job\.py changed[^]*ready in/, READY_MS);
  child.killAlone('SIGINT');
  expect((await child.exited).code).toBe(0);
});

it('is not restarted for ever by an agent that writes where it lives', async () => {
  await writeFile(at('Procfile'), 'web: node agent.js\n');
  await writeFile(
    at('agent.js'),
    `require('node:fs').writeFileSync('state.json', String(process.pid));
     require('node:http').createServer((req, res) => res.end('{}')).listen(process.env.PORT)`,
  );
  const { child } = await dev();
  await child.waitFor(/the agent writes state\.json itself/, READY_MS);
  const starts = times(child, /ready in/g);
  await writeFile(at('more.js'), '');
  await child.waitFor(/more\.js changed/);
  await ready(child, starts + 1);
  expect(times(child, /state\.json changed/g)).toBe(2);
  child.killAlone('SIGINT');
  expect((await child.exited).code).toBe(0);
});

it('leaves nothing behind when it is interrupted in the middle of a build, or twice', async () => {
  await writeAgent();
  const build = `node -e "require('fs').writeFileSync('build-pid', String(process.pid)); setInterval(() => {}, 1000)"`;
  await writeFile(at('package.json'), JSON.stringify({ scripts: { build } }));
  const first = await dev();
  const pid = await until(async () => Number(await readFile(at('build-pid'), 'utf8').catch(() => '')), {
    deadlineMs: READY_MS,
  });
  first.child.killAlone('SIGINT');
  expect((await first.child.exited).code).toBe(0);
  await allGone([pid]);

  await rm(at('package.json'));
  // It ignores SIGTERM, so that the second interrupt finds it alive.
  const stubborn = `process.on('SIGTERM', () => {}); require('node:http').createServer((req, res) => res.end('{}')).listen(process.env.PORT);`;
  await writeFile(
    at('agent.js'),
    `require('fs').writeFileSync('pids.log', JSON.stringify([process.pid])); ${stubborn}`,
  );
  await writeFile(at('Procfile'), 'web: node agent.js\n');
  const { child } = await dev();
  await child.waitFor(/ready in/, READY_MS);
  const started = await pids();
  child.killAlone('SIGINT');
  await child.waitFor(/stopping/);
  child.killAlone('SIGINT');
  await child.exited;
  await allGone(started);
});

it('says what is wrong with a folder, and with a port', async () => {
  const run = async (...args: string[]) => {
    const child = await processes.start(process.execPath, [CLI, 'agent', 'dev', ...args], {
      env: { NO_COLOR: '1' },
    });
    return { code: (await child.exited).code, text: child.output() };
  };
  expect(await run('/nowhere')).toMatchObject({
    code: 2,
    text: expect.stringMatching(/no folder/) as string,
  });
  expect(await run(folder.path)).toMatchObject({
    code: 2,
    text: expect.stringMatching(/Procfile; write one/) as string,
  });
  await writeFile(at('Procfile'), 'web: node agent.js\n');
  const port = await freePort();
  const taken = spawn(process.execPath, [
    '-e',
    `require('net').createServer().listen(${port}, () => console.log('up'))`,
  ]);
  try {
    await once(taken.stdout, 'data');
    expect(await run(folder.path, '--port', String(port))).toMatchObject({
      code: 2,
      text: expect.stringMatching(/is taken[^]*--port/) as string,
    });
  } finally {
    taken.kill('SIGKILL');
    await once(taken, 'exit');
  }
});
