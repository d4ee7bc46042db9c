/** Starts the built agent as its Procfile does and talks to it: `npm test` in a repository of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const { AbortSignal, fetch } = globalThis;
const DEADLINE_MS = 10_000;
let agent;
let url;

before(async () => {
  const env = { ...process.env, PORT: '0', AGENT_MODE: 'api' };
  const cwd = fileURLToPath(new globalThis.URL('..', import.meta.url));
  agent = spawn(process.execPath, ['dist/index.js'], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(agent.stdout, 'data', { signal: AbortSignal.timeout(DEADLINE_MS) });
  url = `http://127.0.0.1:${JSON.parse(line).port}`;
});

after(async () => {
  const exited = once(agent, 'exit');
  agent.kill('SIGTERM');
  const [code] = await exited;
  assert.equal(code, 0);
});

test('is healthy and idle', async () => {
  const health = await (await fetch(`${url}/health`)).json();
  assert.equal(health.status, 'ok');
  const { state, bootId } = await (await fetch(`${url}/status`)).json();
  assert.deepEqual({ state, bootId }, { state: 'idle', bootId: health.bootId });
});

test('refuses a run request that does not fit, naming the field', async () => {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${url}/run`, { method: 'POST', headers, body: '{"workflowId":"test"}' });
  assert.equal(answer.status, 400);
  assert.match((await answer.json()).error, /stepId/);
});
