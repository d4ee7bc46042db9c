/** Process entry. Listens before zod and the job are loaded, because every second of boot is billed. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { deliver } from './deliver';
import { log, Runner } from './runner';

const LIMITS = { requestBytes: 10 * 1024 * 1024, retryAfterSeconds: '2', graceMs: 5000 };

type Who = { agentId: string; version: string; bootId: string; mode: string };

function createApp(runner: Runner, who: Who): Express {
  const app = express().use(express.json({ limit: LIMITS.requestBytes }));
  app.get('/health', (_req, res) => void res.json({ status: 'ok', ...who }));
  app.get('/status', (_req, res) => {
    const { current, last } = runner;
    res.json({ state: current ? 'running' : 'idle', bootId: who.bootId, current: current?.ids, last });
  });
  app.post('/run', async (req, res) => {
    const { AgentRunRequest, check } = await import('./contract.js');
    const verdict = runner.accept(check(AgentRunRequest, req.body, 'body'));
    if (verdict === 'busy')
      res.status(429).set('Retry-After', LIMITS.retryAfterSeconds).json({ error: verdict });
    else res.status(202).json({ accepted: true, ...(verdict === 'duplicate' && { duplicate: true }) });
  });
  app.post('/cancel', (req, res) => {
    runner.stop('cancelled', (req.body ?? {}) as object);
    res.status(202).json({ accepted: true });
  });
  // What is thrown above is about the request: unreadable, too large, or a field that does not fit.
  const refuse: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, _next) =>
    void res.status(error.status ?? 400).json({ error: error.message });
  return app.use(refuse);
}

/** Startup mode: asks for this agent's job, which also tells the orchestrator that the agent is ready. */
async function claim(runner: Runner, { agentId, bootId }: Who): Promise<void> {
  const { ORCHESTRATOR_WEBHOOK_URL: url, AGENT_SECRET: secret } = process.env;
  const answer = await deliver(`${url}/claim`, { agentId, bootId, secret });
  log('claimed', { httpStatus: answer.status });
  const { AgentRunRequest, check } = await import('./contract.js');
  if (answer.status === 200) runner.accept(check(AgentRunRequest, await answer.json(), 'claim'));
}

function main(env: NodeJS.ProcessEnv): void {
  const mode = env.AGENT_MODE || 'api';
  if (mode !== 'api' && mode !== 'startup') throw new Error('AGENT_MODE: must be api or startup');
  if (mode === 'startup' && !(env.ORCHESTRATOR_WEBHOOK_URL && env.AGENT_SECRET))
    throw new Error('AGENT_MODE: startup needs ORCHESTRATOR_WEBHOOK_URL and AGENT_SECRET');
  const manifest = readFileSync(join(__dirname, '../package.json'), 'utf8');
  const pkg = JSON.parse(manifest) as Record<'name' | 'version', string>;
  const agentId = env.AGENT_ID || pkg.name.replace(/^(@.*\/)?(agent-)?/, '');
  const who = { agentId, version: pkg.version, bootId: randomUUID(), mode };
  const runner = new Runner();
  const server = createApp(runner, who).listen(Number(env.PORT || 3000), (error) => {
    if (error) throw error;
    const { port } = server.address() as AddressInfo;
    log('listening', { ...who, port, bootMs: Math.round(performance.now()) });
    const next = mode === 'startup' ? claim(runner, who) : import('./job.js');
    next.catch((reason: Error) => log('not ready for work', { error: reason.message }));
  });
  process.once('SIGTERM', () => {
    runner.closing = true;
    server.close();
    runner.stop('terminated before it finished');
    void Promise.race([runner.reported, sleep(LIMITS.graceMs)]).then(() => process.exit(0));
  });
}

main(process.env);
