/** Process entry. Listens before zod, the job and the queue are loaded, because every second of boot is billed. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import express, { type ErrorRequestHandler, type Express } from 'express';
import { readConfig, type Config } from './config';
import { deliver } from './deliver';
import { log, reasonOf, stackOf } from './log';
import { Runner, STARTUP } from './runner';

const LIMITS = { requestBytes: 10 * 1024 * 1024, retryAfterSeconds: '2', queueMs: 5000, lastReportMs: 5000 };

/** `ready` settles when the queue is read: what an earlier process left there counts as work of this one. */
function createApp(runner: Runner, { who }: Config, ready: () => Promise<unknown>): Express {
  const app = express().use(express.json({ limit: LIMITS.requestBytes }));
  app.get('/health', (_req, res) => void res.json({ status: 'ok', ...who }));
  app.get('/status', async (req, res) => {
    await ready();
    res.json({ bootId: who.bootId, ...runner.status(req.query) });
  });
  app.post('/run', async (req, res) => {
    if (!req.is('application/json')) {
      res.status(415).json({ error: 'content-type: must be application/json' });
      return;
    }
    const { AgentRunRequest, check } = await import('./contract.js');
    const request = check(AgentRunRequest, req.body, 'body');
    await ready();
    const verdict = await runner.accept(request);
    if (verdict === 'busy')
      res.status(429).set('Retry-After', LIMITS.retryAfterSeconds).json({ error: verdict });
    else res.status(202).json({ accepted: true, ...(verdict === 'duplicate' && { duplicate: true }) });
  });
  app.post('/cancel', (req, res) => {
    runner.stop('cancelled', (req.body ?? {}) as object);
    res.status(202).json({ accepted: true });
  });
  // With a status it is about the request: unreadable, too large, or a field that does not fit. Else it is about us.
  const refuse: ErrorRequestHandler = (error: Error & { status?: number }, _req, res, _next) =>
    void res.status(error.status ?? 503).json({ error: error.message });
  return app.use(refuse);
}

/** In startup mode the job is made of STARTUP_INPUT, or claimed, which also says that the agent is ready. */
async function firstJob(runner: Runner, { who, ...config }: Config): Promise<void> {
  if (who.mode === 'api') return void (await import('./job.js')); // so that it is loaded when it is needed
  if (config.startupInput) {
    const ids = { workflowId: STARTUP, stepId: who.agentId, runId: randomUUID() };
    const { resultUrl: webhookUrl = '', startupTimeoutSeconds: timeoutSeconds } = config;
    const job = { ...ids, input: config.startupInput, config: { webhookUrl, timeoutSeconds } };
    log('startup', { ...ids, verdict: await runner.accept(job) });
    return;
  }
  const { agentId, bootId } = who;
  const answer = await deliver(`${config.orchestratorUrl}/claim`, { agentId, bootId, secret: config.secret });
  const { AgentRunRequest, check } = await import('./contract.js');
  const job = answer.status === 200 && check(AgentRunRequest, await answer.json(), 'claim');
  log('claimed', { httpStatus: answer.status, ...(job && { verdict: await runner.accept(job) }) });
}

/** Opens the queue, if there is one, before anything else may be done. */
async function openQueue(runner: Runner, config: Config): Promise<void> {
  if (!config.redisUrl) return;
  const { openRedisQueue } = await import('./queue-redis.js');
  runner.queue = await openRedisQueue(config.redisUrl, config, runner);
}

async function shutDown(runner: Runner, { graceMs }: Config): Promise<void> {
  runner.closing = true;
  const done = Promise.all([runner.queue?.close(), runner.drained()]);
  await Promise.race([done, sleep(graceMs)]);
  runner.stop('terminated before it finished');
  await Promise.race([done, sleep(LIMITS.lastReportMs)]);
  process.exit(0); // without waiting for a job that ignores its signal
}

function main(): void {
  const config = readConfig(process.env);
  const runner = new Runner(config);
  let queueRead = Promise.resolve();
  const late = () => Promise.reject(new Error('REDIS_URL: the queue there does not answer; come again'));
  const ready = () => Promise.race([queueRead, sleep(LIMITS.queueMs, undefined, { ref: false }).then(late)]);
  const server = createApp(runner, config, ready).listen(config.port, (error) => {
    if (error) return cannotStart(error);
    const { port } = server.address() as AddressInfo;
    log('listening', { ...config.who, port, bootMs: Math.round(performance.now()) });
    queueRead = openQueue(runner, config);
    queueRead
      .then(() => firstJob(runner, config))
      .catch((error: unknown) => log('not ready for work', { error: reasonOf(error) }));
  });
  // Thrown by a job where nobody awaits it. Whose it was cannot be told; the process stays up.
  process.on('uncaughtException', (thrown) => {
    log('thrown outside of the run', { error: reasonOf(thrown), stack: stackOf(thrown) });
    runner.stop(reasonOf(thrown));
  });
  process.once('SIGTERM', () => void shutDown(runner, config));
}

function cannotStart(error: unknown): void {
  log('cannot start', { error: reasonOf(error) });
  process.exitCode = 1;
}

try {
  main();
} catch (error) {
  cannotStart(error);
}
