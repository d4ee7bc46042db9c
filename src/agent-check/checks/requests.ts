/** The same job again, more than the contract says, and less: what POST /run makes of it. */
import { fail, pass, type Check, type Outcome } from '../check';
import { NoAnswer, type Answer } from '../client';
import { taken } from '../jobs';
import type { Subject } from '../subject';
import { quote, quoteAnswer } from '../text';

const OVERSIZE_BYTES = 11 * 1024 * 1024;
const LARGE_BYTES = 1024 * 1024;
/** How many times as long as the first attempt the second one may take. */
const PATIENCE = 3;
const REQUIRED = [
  'workflowId',
  'stepId',
  'runId',
  'input',
  'config',
  'config.webhookUrl',
  'config.timeoutSeconds',
] as const;

export const REQUESTS: readonly Check[] = [
  {
    id: 'idempotent',
    title: 'The same request again is 202, and no second job',
    required: true,
    needs: ['one-result'],
    run: idempotent,
  },
  { id: 'additive', title: 'Fields that it does not know are ignored', required: true, run: additive },
  {
    id: 'next-attempt',
    title: 'The next attempt of the same step runs, and says its number',
    required: false,
    needs: ['idempotent', 'additive'],
    run: nextAttempt,
  },
  { id: 'malformed', title: 'A body that is no JSON is 4xx', required: true, run: malformed },
  {
    id: 'missing-fields',
    title: 'A request without a required field is 4xx',
    required: true,
    run: missingFields,
  },
  { id: 'content-type', title: 'A body of another content type is 4xx', required: true, run: contentType },
  { id: 'too-large', title: 'A body over 10 MiB is 413', required: true, run: tooLarge },
  {
    id: 'large-input',
    title: 'An input of 1 MiB, with the outputs of other steps, is taken',
    required: false,
    needs: ['additive', 'success'],
    run: largeInput,
  },
];

async function idempotent(subject: Subject): Promise<Outcome> {
  const { job } = await subject.firstResult();
  await subject.jobs.idle();
  const again = await subject.agent.post('/run', job.request, subject.limits.runMs);
  const mend =
    'Remember runId + stepId + (config.attempt or 1) of each job taken; answer 202 and do nothing when it comes again.';
  // Whether an accepted job is answered by 202 at all was told by `run`.
  if (again.status !== 202 && again.status !== job.answer.status)
    return fail(`the second POST /run answered ${quoteAnswer(again)}`, 'HTTP 202', mend);
  if ((await job.box.wait(2, subject.limits.quietMs)) === undefined) return pass();
  return fail('a second result for the same runId, stepId and attempt', 'one job and one result', mend);
}

async function additive(subject: Subject): Promise<Outcome> {
  const job = await subject.jobs.send({
    check: 'additive',
    input: subject.quickInput,
    config: {
      attempt: 1,
      releaseId: 'release-1',
      dryRun: subject.inputs.dryRun ?? false,
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      laterAddition: { enabled: true },
    },
    extra: { laterAddition: [1] },
  });
  const mend = 'Ignore fields that you do not know: the contract grows by optional ones.';
  const expected = 'HTTP 202 and a result, as without them';
  if (!taken(job.answer)) return fail(`POST /run answered ${quoteAnswer(job.answer)}`, expected, mend);
  const { delivery } = await subject.firstResult();
  const { body } = await subject.jobs.quickResult(job);
  const [usual, now] = [statusOf(delivery.body), statusOf(body)];
  return now === usual ? pass() : fail(`status ${quote(now)} instead of ${quote(usual)}`, expected, mend);
}

async function nextAttempt(subject: Subject): Promise<Outcome> {
  const { job: first, delivery: usual } = await subject.firstResult();
  const { stepId, runId } = first.request;
  const spec = { check: 'run', input: subject.quickInput, ids: { stepId, runId }, config: { attempt: 2 } };
  const job = await subject.jobs.send(spec);
  const mend = 'Make config.attempt part of the key by which a job is known, and copy it into the result.';
  if (!taken(job.answer)) return fail(`POST /run answered ${quoteAnswer(job.answer)}`, 'HTTP 202', mend);
  // It does the same work again; an agent that takes it for a duplicate would never report.
  const { graceMs, jobMs } = subject.limits;
  const withinMs = Math.min(jobMs, graceMs + PATIENCE * (usual.at - first.sentAt));
  const delivery = await subject.jobs.result(job, withinMs);
  if (!delivery) return fail('no result of the second attempt', 'a job of its own for each attempt', mend);
  const attempt = (delivery.body as { attempt?: unknown } | undefined)?.attempt;
  return attempt === 2
    ? pass()
    : fail(`attempt: ${attempt === undefined ? 'missing' : quote(attempt)}`, 'attempt: 2', mend);
}

async function malformed({ agent, limits }: Subject): Promise<Outcome> {
  const body = '{"workflowId":"agent-check","stepId":';
  const answer = await agent.send({ method: 'POST', path: '/run', timeoutMs: limits.runMs, body });
  return refused(answer, 'HTTP 400', 'Answer 400 to a body that cannot be parsed.');
}

async function missingFields(subject: Subject): Promise<Outcome> {
  const { agent, jobs, limits } = subject;
  const takenOnes: string[] = [];
  for (const field of REQUIRED) {
    const { request } = jobs.prepare({ check: 'missing-fields', input: subject.quickInput });
    const [outer, inner] = field.split('.') as [keyof typeof request, string?];
    const body =
      inner === undefined
        ? { ...request, [outer]: undefined }
        : { ...request, config: { ...request.config, [inner]: undefined } };
    // It may have taken the one before.
    await jobs.idle();
    const answer = await agent.post('/run', body, limits.runMs);
    if (answer.status < 400 || answer.status >= 500 || answer.status === 429)
      takenOnes.push(`without ${field}: ${quoteAnswer(answer)}`);
  }
  if (takenOnes.length === 0) return pass();
  return fail(
    takenOnes.join('; '),
    'HTTP 400, naming the field',
    `Refuse a request that lacks one of ${REQUIRED.join(', ')}.`,
  );
}

async function contentType(subject: Subject): Promise<Outcome> {
  const { agent, jobs, limits } = subject;
  const { request } = jobs.prepare({ check: 'content-type', input: subject.quickInput });
  await jobs.idle();
  const answer = await agent.send({
    method: 'POST',
    path: '/run',
    timeoutMs: limits.runMs,
    body: JSON.stringify(request),
    contentType: 'text/plain',
  });
  return refused(answer, 'HTTP 415', 'Answer 415 unless content-type is application/json.');
}

async function tooLarge(subject: Subject): Promise<Outcome> {
  const { agent, jobs, limits } = subject;
  const filler = 'x'.repeat(OVERSIZE_BYTES);
  const { request } = jobs.prepare({ check: 'too-large', input: { ...subject.quickInput, filler } });
  await jobs.idle();
  const mend =
    'Stop at 10 MiB, by content-length or where the body crosses it, and answer 413 before parsing.';
  try {
    const answer = await agent.post('/run', request, limits.runMs);
    return answer.status === 413 ? pass() : fail(quoteAnswer(answer), 'HTTP 413', mend);
  } catch (error) {
    if (!(error instanceof NoAnswer) || error.refused) throw error;
    const drain =
      'Answer before the connection is closed, and read the rest of the body or say connection: close.';
    return fail(error.detail, 'HTTP 413', `${mend} ${drain}`);
  }
}

async function largeInput(subject: Subject): Promise<Outcome> {
  const steps = { earlier: { filler: 'x'.repeat(LARGE_BYTES) } };
  const input = { ...subject.quickInput, steps };
  const job = await subject.jobs.send({ check: 'large-input', input });
  const mend =
    'Raise the body limit to 10 MiB, and let the job ignore keys it does not know: an input carries the outputs of the steps before.';
  if (!taken(job.answer)) return fail(`POST /run answered ${quoteAnswer(job.answer)}`, 'HTTP 202', mend);
  const { body } = await subject.jobs.quickResult(job);
  if (statusOf(body) === 'success') return pass();
  return fail(
    `status ${quote(statusOf(body))}: ${quote((body as { error?: unknown }).error)}`,
    'status success',
    mend,
  );
}

function refused(answer: Answer, expected: string, mend: string): Outcome {
  const { status } = answer;
  if (status < 400 || status >= 500) return fail(quoteAnswer(answer), expected, mend);
  return pass(`HTTP ${status}`);
}

const statusOf = (body: unknown): unknown => (body as { status?: unknown } | null | undefined)?.status;
