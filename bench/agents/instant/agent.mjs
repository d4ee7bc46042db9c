// An agent that has nothing to do: answers POST /run with 202 and posts the result at once, over kept
// connections. Also what the raw peers call: POST /call. Notes when results leave and jobs arrive.
import { Buffer } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';
import { URL } from 'node:url';
import { Agent } from 'undici';

const agent = new Agent({ connections: 256 });
const bootId = randomUUID();
const started = performance.now();
/** Milliseconds from the start of a result's webhook to the next job of the same run. */
let gaps = [];
const leftAt = new Map();
/** Why results were not acknowledged at the first go. */
let failures = [];
const MAX_ATTEMPTS = 8;
const RETRY_MS = 100;

const server = createServer((req, res) => {
  const chunks = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => answer(req, res, Buffer.concat(chunks).toString()));
});

function answer(req, res, body) {
  if (req.url.endsWith('/run')) {
    const job = JSON.parse(body);
    noteArrival(job.runId);
    send(res, 202, { accepted: true });
    return deliver(job);
  }
  if (req.url.endsWith('/call')) return send(res, 200, { output: { length: body.length } });
  if (req.url.endsWith('/health')) return send(res, 200, { status: 'ok', bootId });
  if (req.url.endsWith('/status')) return send(res, 200, { state: 'idle', bootId });
  return send(res, 404, {});
}

function deliver({ workflowId, stepId, runId, config }) {
  const output = { [stepId]: 'done', at: Math.round(performance.now() - started) };
  const result = {
    workflowId,
    stepId,
    runId,
    status: 'success',
    output,
    durationMs: 0,
    attempt: config.attempt,
  };
  leftAt.set(runId, performance.now());
  post(config.webhookUrl, JSON.stringify(result), 1);
}

/** As every agent does: until it is acknowledged, within limits. */
function post(url, text, attempt) {
  const again = (reason) => {
    failures.push(reason);
    if (attempt < MAX_ATTEMPTS) setTimeout(() => post(url, text, attempt + 1), RETRY_MS * attempt);
  };
  const { origin, pathname, search } = new URL(url);
  const headers = { 'content-type': 'application/json' };
  // Without a stream and a promise for each: what the agent takes is missing to who is measured.
  agent.dispatch(
    { origin, path: pathname + search, method: 'POST', headers, body: text },
    {
      onRequestStart: () => undefined,
      onResponseStart: (_, code) => code !== 200 && again(`HTTP ${code}`),
      onResponseData: () => undefined,
      onResponseEnd: () => undefined,
      onResponseError: (_, error) => again(error.code ?? error.message),
    },
  );
}

function noteArrival(runId) {
  const left = leftAt.get(runId);
  if (left === undefined) return;
  gaps.push(performance.now() - left);
  leftAt.delete(runId);
}

function send(res, status, body) {
  const text = JSON.stringify(body);
  res
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text);
}

server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send({ ok: true, value: null }));
process.on('message', () => {
  process.send({ ok: true, value: { port: server.address().port, gaps, failures } });
  gaps = [];
  failures = [];
  leftAt.clear();
});
process.once('disconnect', () => process.exit(0));
