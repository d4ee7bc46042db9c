/** What the agent does while a job is at work, and how a job ends that does not end by itself. */
import { randomUUID } from 'node:crypto';
import { AgentStatus } from '../../contract';
import type { Answer } from '../client';
import { fail, pass, skip, Verdict, type Check, type EndTurn, type Outcome } from '../check';
import { busy as refusedAsBusy, retryAfterMs, taken, type Job } from '../jobs';
import type { Delivery } from '../receiver';
import { describe, differences } from '../shape';
import { isNearlyOver } from '../slow-jobs';
import { shared, type Subject } from '../subject';
import { quote, quoteAnswer, seconds } from '../text';

/** Answers of a server that has no such route. */
const NO_SUCH_ROUTE = [404, 405, 501];

const slow = { given: 'slow' } as const;
export const BUSY: readonly Check[] = [
  {
    id: 'cancel-other',
    title: 'POST /cancel of another job stops nothing',
    required: false,
    ...slow,
    run: cancelOther,
  },
  { id: 'cancel', title: 'POST /cancel stops the job, and says so', required: false, ...slow, run: cancel },
  {
    id: 'status-running',
    title: 'GET /status says that it is running, and what',
    required: true,
    needs: ['status-idle'],
    ...slow,
    run: statusRunning,
  },
  {
    id: 'status-query',
    title: 'GET /status?runId=…&stepId=… is answered, too',
    required: false,
    needs: ['status-running'],
    ...slow,
    run: statusQuery,
  },
  {
    id: 'idempotent-running',
    title: 'The request of a running job again is 202, and no second job',
    required: true,
    needs: ['idempotent'],
    ...slow,
    run: idempotentRunning,
  },
  { id: 'busy', title: 'Another job meanwhile is 429 or 409', required: true, ...slow, run: busy },
  {
    id: 'retry-after',
    title: 'A refused job is told when to come again (Retry-After)',
    required: true,
    needs: ['busy'],
    ...slow,
    run: retryAfter,
  },
  {
    id: 'timeout',
    title: 'Over timeoutSeconds the result is timeout, in time',
    required: true,
    ...slow,
    run: timeout,
  },
  { id: 'duration', title: 'durationMs is in milliseconds, and plausible', required: true, run: duration },
  {
    id: 'survives',
    title: 'It is well after all of this, and the same process',
    required: true,
    needs: ['health'],
    run: survives,
  },
];

const statusOf = (delivery: Delivery | undefined): unknown =>
  (delivery?.body as { status?: unknown } | null | undefined)?.status;

/** A slow job to be cancelled, of an agent that offers it. */
function jobToCancel(subject: Subject): Promise<Job> {
  subject.notes.cancelJob ??= shared('cancel-other', () => startJobToCancel(subject));
  return subject.notes.cancelJob();
}

async function startJobToCancel({ agent, limits, jobs, slow: slowJobs }: Subject): Promise<Job> {
  await jobs.idle();
  const nobody = { runId: randomUUID(), stepId: 'cancel' };
  const { status } = await agent.post('/cancel', nobody, limits.statusMs);
  if (NO_SUCH_ROUTE.includes(status))
    throw new Verdict(
      skip('not-offered', `POST /cancel answers HTTP ${status}: jobs end at their timeout only`),
    );
  return slowJobs.start('cancel', limits.cancelSeconds);
}

async function cancelOther(subject: Subject): Promise<Outcome> {
  const { agent, limits } = subject;
  const job = await jobToCancel(subject);
  const { runId, stepId } = job.request;
  await agent.post('/cancel', { runId: randomUUID(), stepId }, limits.statusMs);
  await agent.post('/cancel', { runId, stepId: `${stepId}-other` }, limits.statusMs);
  const ended = await job.box.wait(1, limits.quietMs);
  // On a machine that is so slow its own time may have ended it.
  if (!ended || (isNearlyOver(job) && statusOf(ended) === 'timeout')) return pass();
  // Not an input that only looks slow, which would end as success.
  if (statusOf(ended) === 'success') await subject.slow.end(job);
  return fail(
    'the running job ended',
    'it goes on: the runId or the stepId was another',
    'Compare both runId and stepId before a job is stopped.',
  );
}

/** Cancels a job that is surely at work: longer ones, where the machine is so slow that its time ends it first. */
async function cancelOne(subject: Subject): Promise<{ job: Job; answer: Answer }> {
  const { agent, limits, slow: slowJobs } = subject;
  let job = await jobToCancel(subject);
  for (let tries = 1; ; tries++) {
    // An agent that stopped it on the cancel of another one gets a second job, too.
    if (job.box.deliveries.length > 0) job = await slowJobs.start('cancel', limits.cancelSeconds * tries);
    const { runId, stepId } = job.request;
    const answer = await agent.post('/cancel', { runId, stepId }, limits.statusMs);
    if (!isNearlyOver(job) || tries >= limits.slowTries) return { job, answer };
    await slowJobs.end(job);
  }
}

async function cancel(subject: Subject): Promise<Outcome> {
  const { limits } = subject;
  const { job, answer } = await cancelOne(subject);
  const mend = 'Abort the job, send an "error" result that says "cancelled", and answer 202.';
  if (!taken(answer)) return fail(`POST /cancel answered ${quoteAnswer(answer)}`, 'HTTP 202', mend);
  const delivery = await subject.jobs.result(job, job.request.config.timeoutSeconds * 1_000 + limits.graceMs);
  const status = statusOf(delivery);
  if (status === 'success') await subject.slow.end(job); // ends the check when the input is not slow
  if (status !== 'error')
    return fail(delivery ? `status ${quote(status)}` : 'no result', 'status "error", at once', mend);
  return answer.status === 202
    ? pass()
    : fail(`POST /cancel answered HTTP ${answer.status}`, 'HTTP 202', mend);
}

async function statusRunning(subject: Subject): Promise<Outcome> {
  const { agent, limits, inputs } = subject;
  const mend = 'While a job is at work: state "running", and, where told, current with its runId and stepId.';
  return subject.slow.during(async ({ request: { runId, stepId } }) => {
    const answer = await agent.get('/status', limits.statusMs);
    const expected = `{"state":"running"}, and current of ${stepId} if it tells one`;
    const found = differences(AgentStatus, answer.json).filter(({ field }) => !field.startsWith('last.'));
    if (found.length > 0) return fail(`${describe(found)} in ${quote(answer.text)}`, expected, mend);
    const { state, current } = answer.json as AgentStatus;
    // Of several jobs it may tell any.
    const alone = (inputs.concurrency ?? 1) === 1;
    const other = alone && current && (current.runId !== runId || current.stepId !== stepId);
    return state !== 'running' || other ? fail(quoteAnswer(answer), expected, mend) : pass();
  });
}

/** So an agent with several jobs is asked for one of them; it may ignore the query. */
async function statusQuery(subject: Subject): Promise<Outcome> {
  const { agent, limits } = subject;
  return subject.slow.during(async ({ request: { runId, stepId } }) => {
    const query = new URLSearchParams({ runId, stepId }).toString();
    const answer = await agent.get(`/status?${query}`, limits.statusMs);
    const { state } = (answer.json ?? {}) as { state?: unknown };
    if (answer.status === 200 && state === 'running') return pass();
    return fail(
      quoteAnswer(answer),
      'the status as without the query, or of that job alone',
      'Find the route by its path, whatever the query.',
    );
  });
}

async function idempotentRunning(subject: Subject, endTurn: EndTurn): Promise<Outcome> {
  const { agent, limits } = subject;
  const mend = 'Look for the job among those known before looking whether the agent is busy.';
  const seen = await subject.slow.during(async (job) => ({
    job,
    again: await agent.post('/run', job.request, limits.runMs),
  }));
  const { job, again } = seen;
  if (again.status !== 202 && again.status !== job.answer.status)
    return fail(`the second POST /run answered ${quoteAnswer(again)}`, 'HTTP 202', mend);
  endTurn();
  // Should the agent never end it, that is told by `timeout`.
  await subject.slow.end(job);
  if ((await job.box.wait(2, limits.quietMs)) === undefined) return pass();
  return fail('a second result of the running job', 'one job and one result', mend);
}

async function busy(subject: Subject): Promise<Outcome> {
  const { jobs } = subject;
  const { answer } = await subject.slow.during(() =>
    jobs.post(jobs.prepare({ check: 'busy', input: subject.quickInput })),
  );
  const retryAfter = answer.headers['retry-after'];
  subject.notes.refusal = { retryAfter, readable: retryAfterMs(answer) !== undefined };
  if (refusedAsBusy(answer)) return pass(`HTTP ${answer.status}`);
  return fail(
    `POST /run answered ${quoteAnswer(answer)}`,
    'HTTP 429 or 409',
    'Refuse a job that cannot begin now, and queue none. An agent that takes several at a time: say how many as "concurrency" in agent.check.json.',
  );
}

async function retryAfter(subject: Subject): Promise<Outcome> {
  const { refusal } = subject.notes;
  if (refusal?.readable === true) return pass(`${refusal.retryAfter}`);
  return fail(
    `Retry-After: ${refusal?.retryAfter ?? '(none)'}`,
    'whole seconds, or an HTTP date',
    'Send Retry-After with 429 and 409, for instance "Retry-After: 2".',
  );
}

async function timeout(subject: Subject): Promise<Outcome> {
  const { limits, agent, slow: jobs } = subject;
  const job = await jobs.latest();
  const { runId, stepId, config } = job.request;
  const delivery = await jobs.end(job);
  const mend =
    'Abort the job after config.timeoutSeconds, and send status "timeout" with the reason in "error".';
  const expected = `status "timeout" within ${seconds(limits.graceMs)} after ${config.timeoutSeconds} s`;
  if (!delivery) {
    // So that it is not left at work; an agent that cannot be told so ends it some time.
    await agent.post('/cancel', { runId, stepId }, limits.statusMs);
    return fail('no result', expected, mend);
  }
  const { status, error, durationMs } = (delivery.body ?? {}) as Record<string, unknown>;
  if (status !== 'timeout') return fail(`status ${quote(status)}: ${quote(error)}`, expected, mend);
  if (typeof error !== 'string' || error === '')
    return fail('no text in "error"', 'the reason in "error"', mend);
  subject.notes.timedOut = { durationMs, timeoutSeconds: config.timeoutSeconds };
  return pass(seconds(delivery.at - job.sentAt));
}

async function duration(subject: Subject): Promise<Outcome> {
  const { job, delivery } = await subject.firstResult();
  const mend = 'durationMs is the time from the start of the job to its end, in milliseconds.';
  const { durationMs } = (delivery.body ?? {}) as { durationMs?: unknown };
  if (typeof durationMs !== 'number') return skip('blocked', 'needs a durationMs in the result');
  const tookMs = delivery.at - job.sentAt;
  // Clocks of two kinds, and rounding.
  const most = Math.ceil(tookMs * 1.1 + 100);
  if (durationMs > most)
    return fail(`${durationMs} of a job that took ${Math.round(tookMs)} ms`, `at most ${most}`, mend);
  const { timedOut } = subject.notes;
  const least = (timedOut?.timeoutSeconds ?? 0) * 500;
  if (typeof timedOut?.durationMs === 'number' && timedOut.durationMs < least)
    return fail(
      `${timedOut.durationMs} of a job that timed out after ${timedOut.timeoutSeconds} s`,
      `at least ${least}`,
      mend,
    );
  return pass();
}

async function survives(subject: Subject): Promise<Outcome> {
  const { agent, limits, bootId } = subject;
  const answer = await agent.get('/health', limits.healthMs);
  const mend = 'Catch what a job or a request throws; end the process on a signal only.';
  if (answer.status !== 200) return fail(quoteAnswer(answer), 'HTTP 200', mend);
  const now = (answer.json as { bootId?: unknown } | undefined)?.bootId;
  if (bootId !== undefined && now !== bootId)
    return fail(`another bootId than at first: ${quote(now)}`, 'the same process from first to last', mend);
  return pass();
}
