/**
 * The agent of the end-to-end tests: the agent contract on plain Node, and misbehaviour on demand.
 * A job's input says what it is to do, per step and attempt: `{ act: { <stepId>: 'crash' | ['crash', 'succeed'] } }`.
 * Everything it does is a line in the file WORK_LOG, as the process itself does not last.
 */
const { appendFileSync } = require('node:fs');
const { createServer, request: httpRequest } = require('node:http');
const { Buffer } = require('node:buffer');
const { randomUUID } = require('node:crypto');
const { setTimeout: after } = require('node:timers');
const { setTimeout: delay } = require('node:timers/promises');

const { PORT, WORK_LOG, AGENT_ID, HEALTH, AGENT_MODE, AGENT_SECRET, ORCHESTRATOR_WEBHOOK_URL } = process.env;
const WEBHOOK_RETRY_MS = 50;
/** How often a result is sent before it is given up: about a minute. */
const WEBHOOK_TRIES = 1200;
const CLAIM_TRIES = 200;

const bootId = randomUUID();
/** Jobs by run, step and attempt: the same request again is not a second job. */
const jobs = new Map();
/** What a job has used so far, as it is told while it is under way; by run, step and attempt. */
const progress = new Map();
/** What holds a job, by run and step, until `POST /release`. */
const gates = new Map();
/** How often an attempt was refused as busy or unavailable. */
const refused = new Map();
let last;

const keyOf = ({ runId, stepId, config }) => `${runId}/${stepId}/${config.attempt ?? 1}`;

function log(event, job, more = {}) {
  const { runId, stepId, config } = job ?? {};
  const line = {
    event,
    agentId: AGENT_ID,
    runId,
    stepId,
    attempt: config?.attempt,
    bootId,
    at: Date.now(),
    ...more,
  };
  appendFileSync(WORK_LOG, `${JSON.stringify(line)}\n`);
}

function send(method, url, body) {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) };
    const request = httpRequest(url, { method, headers, timeout: 5_000 }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }),
      );
    });
    request.on('timeout', () => request.destroy(new Error('timed out')));
    request.on('error', reject);
    request.end(text);
  });
}

/** Sends a result until it is acknowledged, or refused for good. */
async function deliver(job, result) {
  for (let tries = 0; tries < WEBHOOK_TRIES; tries += 1) {
    const status = await send('POST', job.config.webhookUrl, result).then(
      (answer) => answer.status,
      () => 0,
    );
    log('delivered', job, { status });
    if (status >= 200 && status < 500 && status !== 429) return;
    await delay(WEBHOOK_RETRY_MS);
  }
}

function actOf({ stepId, input, config }) {
  // ACT and REPORT: what a release does by itself.
  const act = input.act?.[stepId] ?? process.env.ACT ?? 'succeed';
  const list = Array.isArray(act) ? act : [act];
  return list[Math.min(config.attempt ?? 1, list.length) - 1];
}

/** What a job's result reports besides, per step and attempt: actions, confidence and the like. */
function reportOf({ stepId, input, config }) {
  const report = input.report?.[stepId] ?? JSON.parse(process.env.REPORT ?? '{}');
  return Array.isArray(report) ? report[Math.min(config.attempt ?? 1, report.length) - 1] : report;
}

function held({ runId, stepId }) {
  return new Promise((resolve) => gates.set(`${runId}/${stepId}`, resolve));
}

async function work(job, act) {
  const startedAt = Date.now();
  const { traceparent, dryRun } = job.config;
  log('job', job, { input: job.input, traceparent, ...(dryRun && { dryRun: true }) });
  if (act === 'hang') return;
  if (act === 'hold') await held(job);
  if (act.startsWith('slow:')) await delay(Number(act.slice(5)));
  const { runId, stepId, workflowId, config } = job;
  const failed = act === 'error';
  const result = {
    workflowId,
    stepId,
    runId,
    status: failed ? 'error' : 'success',
    output: failed ? { partial: stepId } : { [stepId]: 'done', from: stepId },
    durationMs: Date.now() - startedAt,
    ...reportOf(job),
    ...(failed && { error: `${stepId} went wrong` }),
    ...(config.attempt !== undefined && { attempt: config.attempt }),
  };
  last = result;
  jobs.set(keyOf(job), 'done');
  log('done', job);
  if (act === 'lost') return;
  const copies = act === 'twice' ? 2 : 1;
  await Promise.all(Array.from({ length: copies }, () => deliver(job, result)));
}

async function run(job, answer) {
  const key = keyOf(job);
  const act = actOf(job);
  log('asked', job);
  if (jobs.has(key)) return answer(202, { accepted: true, duplicate: true });
  if (act === 'reject') return answer(422, { error: 'not like this' });
  const before = refused.get(key) ?? 0;
  if ((act === 'busy' || act === 'unavailable') && before === 0) {
    refused.set(key, 1);
    return answer(act === 'busy' ? 429 : 503, {}, { 'retry-after': '1' });
  }
  jobs.set(key, 'running');
  progress.set(key, job.input.progress?.[job.stepId] ?? {});
  // The result first, the 202 when that is acknowledged.
  if (act === 'early') await work(job, act);
  if (act === 'slow-accept') await held(job);
  answer(202, { accepted: true });
  if (act === 'crash') after(() => process.exit(7), Number(job.input.crashAfterMs ?? 30));
  else if (act === 'crash-after') void held(job).then(() => process.exit(7));
  if (act !== 'early') await work(job, act.startsWith('crash') ? 'hang' : act);
}

function status() {
  const running = [...jobs].filter(([, state]) => state === 'running').map(([key]) => key);
  const [runId, stepId, attempt] = (running.at(-1) ?? '').split('/');
  return {
    state: running.length > 0 ? 'running' : 'idle',
    bootId,
    ...(stepId && { current: { runId, stepId, attempt: Number(attempt), ...progress.get(running.at(-1)) } }),
    ...(last && { last }),
  };
}

async function handle(path, body, answer) {
  if (path === '/health') {
    const ok = HEALTH !== 'never';
    return answer(ok ? 200 : 500, ok ? { status: 'ok', bootId } : { status: 'starting' });
  }
  if (path === '/status') return answer(200, status());
  if (path === '/run') return run(body, answer);
  if (path === '/release') {
    const gate = `${body.runId}/${body.stepId}`;
    const open = gates.get(gate);
    gates.delete(gate);
    open?.();
    return answer(open ? 200 : 404, {});
  }
  if (path === '/cancel') {
    log('cancelled', { ...body, config: {} });
    for (const key of jobs.keys())
      if (key.startsWith(`${body.runId}/${body.stepId}/`)) jobs.set(key, 'cancelled');
    return answer(202, {});
  }
  answer(404, {});
}

async function claim() {
  for (let tries = 0; tries < CLAIM_TRIES; tries += 1) {
    const asked = { agentId: AGENT_ID, bootId, secret: AGENT_SECRET };
    const answer = await send('POST', `${ORCHESTRATOR_WEBHOOK_URL}/claim`, asked).catch(() => ({
      status: 0,
    }));
    log('claimed', undefined, { status: answer.status });
    if (answer.status === 200) return run(JSON.parse(answer.text), () => undefined);
    if (answer.status > 0 && answer.status < 500) return;
    await delay(WEBHOOK_RETRY_MS);
  }
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  const answer = (code, body, headers = {}) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
  await handle(request.url, text === '' ? {} : JSON.parse(text), answer);
});
process.on('SIGTERM', () => process.exit(0));
server.listen(Number(PORT), '127.0.0.1', () => {
  log('booted');
  if (AGENT_MODE === 'startup') void claim();
});
