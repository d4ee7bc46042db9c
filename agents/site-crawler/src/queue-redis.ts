/** Keeps accepted jobs in Redis, by BullMQ, until they are reported. Loaded only when REDIS_URL is set. */
import { Queue as BullQueue, Worker } from 'bullmq';
import type { Config } from './config';
import type { AgentRunResult } from './contract';
import { log, reasonOf } from './log';
import type { Job, Queue, Runner } from './runner';

/** Milliseconds. A job whose process has gone is taken over when its lock is over, at the look after the next. */
const MS = { lock: 5000, look: 1000, takenOver: 10_000, command: 5000 };
/** For how long jobs that are over are known again: so many, and so many seconds. */
const REMEMBERED = { count: 1000, age: 24 * 3600 };

/** Nothing but its id is left of a job that was reported. */
type Stored = { job?: Job; result?: AgentRunResult };
type Entry = { id?: string | undefined; data: Stored };

/** Reads what earlier processes left, gives it to the runner, and begins to take jobs. */
export async function openRedisQueue(
  url: string,
  { who, concurrency }: Config,
  runner: Runner,
): Promise<Queue> {
  const name = `agent-${who.agentId.replaceAll(':', '-')}`;
  const complain = (error: Error) => log('queue', { error: reasonOf(error) });
  const queue = new BullQueue<Stored>(name, {
    connection: { url, maxRetriesPerRequest: 1, commandTimeout: MS.command },
    defaultJobOptions: { removeOnComplete: REMEMBERED, removeOnFail: REMEMBERED },
  }).on('error', complain);
  const save = async (key: string, data: Stored) => (await queue.getJob(key))?.updateData(data);

  for (const { id = '', data } of await queue.getJobs(['active', 'waiting', 'completed'])) {
    if (data.job && data.result) runner.report(id, data.job, data.result);
    else if (data.job) runner.hold(id, data.job);
  }

  const work = async ({ id = '', data: { job, result } }: Entry, refusal?: string) => {
    if (job && !result) await runner.run(id, job, refusal);
  };
  const worker = new Worker<Stored>(name, (job) => work(job), {
    connection: { url, maxRetriesPerRequest: null },
    concurrency,
    lockDuration: MS.lock,
    stalledInterval: MS.look,
    maxStalledCount: 1,
  }).on('error', complain);
  // `run` never rejects, so a job fails only because process after process ended while it ran.
  const giveUp = (job?: Entry) => job && void work(job, 'the agent ended twice while it ran this job');
  worker.on('failed', giveUp);
  for (const job of await queue.getFailed()) giveUp(job);

  /** What another process of this agent runs, or has run, is none of ours. */
  const look = async () => {
    for (const { key, heldAt } of runner.waiting()) {
      const state = await queue.getJobState(key);
      if (state === 'waiting' || (state === 'active' && Date.now() - heldAt < MS.takenOver)) continue;
      runner.letGo(key);
    }
  };
  setInterval(() => void look().catch(complain), MS.look).unref();

  return {
    knows: async (key) => (await queue.getJob(key)) !== undefined,
    add: async (key, job) => void (await queue.add('run', { job }, { jobId: key })),
    finished: async (key, job, result) => save(key, { job, result }),
    reported: async (key) => save(key, {}),
    close: () => worker.close().catch(complain),
  };
}
