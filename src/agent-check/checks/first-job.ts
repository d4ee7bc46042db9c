/** What comes of one job that has nothing but the required fields: the seed of every other check. */
import { isDeepStrictEqual } from 'node:util';
import type { AgentRunResult } from '../../contract';
import { fail, pass, skip, type Check, type Outcome } from '../check';
import { describe } from '../shape';
import { INPUT_FILE } from '../inputs';
import { signatureProblem } from '../signed';
import type { Subject } from '../subject';
import { quote, quoteAnswer, seconds } from '../text';

export const FIRST_JOB: readonly Check[] = [
  { id: 'run', title: 'POST /run takes a job that has only the required fields', required: true, run },
  { id: 'result', title: 'The result is POSTed as JSON to config.webhookUrl', required: true, run: result },
  { id: 'result-ids', title: 'The result carries the ids of its job', required: true, run: resultIds },
  {
    id: 'result-shape',
    title: 'The result has the shape of AgentRunResult',
    required: true,
    run: resultShape,
  },
  {
    id: 'success',
    title: 'The quick input ends as success',
    required: true,
    needs: ['result-shape'],
    run: success,
  },
  { id: 'webhook-url', title: 'The webhook URL is used exactly as given', required: true, run: webhookUrl },
  {
    id: 'signature',
    title: 'The result is signed with the secret',
    required: true,
    given: 'secret',
    run: signature,
  },
  {
    id: 'status-after',
    title: 'GET /status says idle again after the result',
    required: true,
    needs: ['status-idle'],
    run: statusAfter,
  },
  { id: 'status-last', title: 'GET /status keeps the last result', required: false, run: statusLast },
  { id: 'one-result', title: 'An acknowledged result is not sent again', required: true, run: oneResult },
];

async function run(subject: Subject): Promise<Outcome> {
  const { answer } = await subject.firstJob();
  const accepted = (answer.json as { accepted?: unknown } | undefined)?.accepted;
  if (answer.status === 202 && accepted === true) return pass();
  return fail(
    `POST /run answered ${quoteAnswer(answer)}`,
    'HTTP 202 with {"accepted":true}',
    'Answer 202 as soon as the job is in hand, and send its result by webhook.',
  );
}

async function result(subject: Subject): Promise<Outcome> {
  const { job, delivery } = await subject.firstResult();
  const type = delivery.headers['content-type'] ?? '(none)';
  if (delivery.method !== 'POST')
    return fail(`a ${delivery.method} request`, 'a POST request', 'Send the result by POST.');
  if (!/^application\/(.*\+)?json\b/i.test(type))
    return fail(
      `content-type ${type}`,
      'application/json',
      'Send the result with content-type: application/json.',
    );
  if (typeof delivery.body !== 'object' || delivery.body === null)
    return fail(
      quote(delivery.raw.toString('utf8')),
      'a JSON object',
      'Send the AgentRunResult as JSON, in UTF-8.',
    );
  return pass(seconds(delivery.at - job.sentAt));
}

async function resultIds(subject: Subject): Promise<Outcome> {
  const { job, delivery } = await subject.firstResult();
  const { workflowId, stepId, runId } = job.request;
  const given = (delivery.body ?? {}) as Partial<AgentRunResult>;
  const wanted = { workflowId, stepId, runId } as const;
  const wrong = (Object.keys(wanted) as (keyof typeof wanted)[]).filter((id) => given[id] !== wanted[id]);
  // The job said no attempt: it is the first.
  const attemptWrong = ![undefined, null, 1].includes(given.attempt);
  if (wrong.length === 0 && !attemptWrong) return pass();
  const saw = [...wrong, ...(attemptWrong ? (['attempt'] as const) : [])];
  return fail(
    saw.map((id) => `${id}: ${given[id] === undefined ? 'missing' : quote(given[id])}`).join('; '),
    wrong.map((id) => `${id}: ${wanted[id]}`).join('; ') || 'attempt: left out, or 1',
    'Copy workflowId, stepId, runId, and config.attempt where there is one, from the job into its result.',
  );
}

async function resultShape(subject: Subject): Promise<Outcome> {
  const { delivery } = await subject.firstResult();
  const ids = ['workflowId', 'stepId', 'runId'];
  const found = subject.shapeOf(delivery.body, { learn: true }).filter(({ field }) => !ids.includes(field)); // told by result-ids
  if (found.length === 0) return pass();
  return fail(
    describe(found),
    'workflowId, stepId, runId, status, output, durationMs; the optional fields well-formed or left out',
    'Mend the fields that are named; leave out an optional field that has no value.',
  );
}

async function success(subject: Subject): Promise<Outcome> {
  const { delivery } = await subject.firstResult();
  const { status, error } = delivery.body as AgentRunResult;
  if (status === 'success') return pass();
  const saw = `status ${status}: ${quote(error)}`;
  if (subject.inputs.quick === undefined)
    return skip(
      'needs-input',
      `the input {} ended as ${saw}; give one that succeeds as "quick" in ${INPUT_FILE}`,
    );
  return fail(
    saw,
    'status success',
    'Give an input that succeeds as "quick", and start the agent with the variables that its job needs.',
  );
}

async function webhookUrl(subject: Subject): Promise<Outcome> {
  const { job, delivery } = await subject.firstResult();
  if (delivery.path === job.box.path) return pass();
  return fail(
    delivery.path,
    job.box.path,
    'POST to config.webhookUrl byte for byte: its query is the proof that the result is from this agent.',
  );
}

async function signature(subject: Subject): Promise<Outcome> {
  const { delivery } = await subject.firstResult();
  const problem = signatureProblem(delivery, subject.secret ?? '');
  return problem === undefined
    ? pass()
    : fail(problem.saw, 'a Standard Webhooks signature that holds', problem.mend);
}

async function statusAfter(subject: Subject): Promise<Outcome> {
  await subject.firstResult();
  const { jobs, limits, agent } = subject;
  if (await jobs.idle()) return pass();
  return fail(
    `still ${quoteAnswer(await agent.get('/status', limits.statusMs))} after ${seconds(limits.idleMs)}`,
    '{"state":"idle"} once the result was acknowledged',
    'Set state back to "idle" when the job is over, whatever came of it.',
  );
}

async function statusLast(subject: Subject): Promise<Outcome> {
  const { delivery } = await subject.firstResult();
  const { jobs, limits, agent } = subject;
  await jobs.idle();
  const answer = await agent.get('/status', limits.statusMs);
  const last = (answer.json as { last?: unknown } | undefined)?.last;
  if (last !== undefined && isDeepStrictEqual(last, delivery.body)) return pass();
  return fail(
    `last: ${last === undefined ? 'missing' : quote(last)}`,
    `last: ${quote(delivery.body)}`,
    'Keep the result, as it was sent, in "last" until the next job: a lost webhook is taken from there.',
  );
}

async function oneResult(subject: Subject): Promise<Outcome> {
  const { job } = await subject.firstResult();
  if ((await job.box.wait(2, subject.limits.quietMs)) === undefined) return pass();
  return fail(
    `${job.box.deliveries.length} webhooks for one job, although the first was answered by 200`,
    'one webhook',
    'Stop sending when the webhook was answered with 2xx.',
  );
}
