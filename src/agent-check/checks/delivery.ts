/** What the agent does when its webhook is not simply acknowledged, and when its input is wrong. */
import { signatureHeaders } from '../../standard-webhooks';
import { fail, pass, type Check, type EndTurn, type Outcome } from '../check';
import { taken } from '../jobs';
import { describe } from '../shape';
import type { Subject } from '../subject';
import { quote, quoteAnswer, seconds } from '../text';

export const DELIVERY: readonly Check[] = [
  {
    id: 'wrong-input',
    title: 'An input that does not fit is an error result, or 4xx',
    required: true,
    given: 'wrong',
    run: wrongInput,
  },
  {
    id: 'wrong-input-field',
    title: 'The error about a wrong input names the field',
    required: false,
    needs: ['wrong-input'],
    given: 'wrongField',
    run: wrongInputField,
  },
  {
    id: 'final-4xx',
    title: 'A result answered by 404 is not sent again',
    required: true,
    needs: ['one-result'],
    run: final4xx,
  },
  {
    id: 'redirect',
    title: 'A redirect of the webhook is not followed',
    required: false,
    needs: ['one-result'],
    run: redirect,
  },
  { id: 'retry', title: 'A result answered by 503 is sent again', required: true, run: retry },
  {
    id: 'retry-429',
    title: 'A result answered by 429 is sent again',
    required: true,
    needs: ['retry'],
    run: retry429,
  },
  {
    id: 'retry-same',
    title: 'A result sent again has the same body and webhook-id',
    required: false,
    needs: ['retry'],
    run: retrySame,
  },
];

/** What the agent said about the wrong input. */
async function wrongAnswer(subject: Subject): Promise<{ outcome: Outcome; text: string }> {
  const job = await subject.jobs.send({ check: 'wrong-input', input: subject.inputs.wrong ?? {} });
  const { status, text } = job.answer;
  const mend =
    'Check the input against the job\'s schema first; answer status "error" with the reason in "error".';
  const expected = 'status "error" and a text in "error"; or 4xx at POST /run';
  if (!taken(job.answer)) {
    const wrong = status < 400 || status >= 500;
    return { outcome: wrong ? fail(quoteAnswer(job.answer), expected, mend) : pass(`HTTP ${status}`), text };
  }
  const { body } = await subject.jobs.quickResult(job);
  const { status: came, error } = (body ?? {}) as { status?: unknown; error?: unknown };
  const found = subject.shapeOf(body, { learn: false });
  if (came !== 'error' || typeof error !== 'string' || error === '') {
    const saw = `status ${quote(came)}, error ${error === undefined ? 'missing' : quote(error)}`;
    return { outcome: fail(saw, expected, mend), text: '' };
  }
  const outcome = found.length === 0 ? pass() : fail(describe(found), 'an AgentRunResult', mend);
  return { outcome, text: error };
}

async function wrongInput(subject: Subject): Promise<Outcome> {
  const { outcome, text } = await wrongAnswer(subject);
  subject.notes.wrongInputAnswer = text;
  return outcome;
}

async function wrongInputField(subject: Subject): Promise<Outcome> {
  const text = subject.notes.wrongInputAnswer ?? '';
  const field = subject.inputs.wrongField ?? '';
  if (text.includes(field)) return pass();
  return fail(quote(text), `a text that names ${field}`, 'Say which field is wrong, and what it should be.');
}

async function retry(subject: Subject): Promise<Outcome> {
  const job = await subject.retriedJob();
  await subject.jobs.quickResult(job);
  if (await job.box.wait(2, subject.limits.retryMs)) return pass();
  return fail(
    `nothing more within ${seconds(subject.limits.retryMs)} after HTTP 503`,
    'the same result again',
    'Send the result again after 5xx and lost connections, with growing pauses that begin below a second or two, for some minutes.',
  );
}

async function retry429(subject: Subject): Promise<Outcome> {
  const { box } = await subject.retriedJob();
  if (await box.wait(3, subject.limits.retryMs)) return pass();
  return fail(
    `nothing more within ${seconds(subject.limits.retryMs)} after HTTP 429`,
    'the same result again',
    'Of the 4xx answers, 408 and 429 mean later: send the result again.',
  );
}

async function retrySame(subject: Subject): Promise<Outcome> {
  const { deliveries } = (await subject.retriedJob()).box;
  const ids = deliveries.map(({ headers }) => signatureHeaders(headers)?.id);
  const mend = 'Serialise and name a result once, before the first try; only webhook-timestamp may change.';
  if (new Set(deliveries.map(({ raw }) => raw.toString('utf8'))).size > 1)
    return fail('another body in a later try', 'the same bytes in each try', mend);
  if (new Set(ids).size > 1)
    return fail(`webhook-id ${ids.join(', ')}`, 'the same webhook-id in each try', mend);
  return pass();
}

async function final4xx(subject: Subject, endTurn: EndTurn): Promise<Outcome> {
  const reply = (n: number) => ({ status: n === 0 ? 404 : 200 });
  const job = await subject.jobs.start({ check: 'final-4xx', input: subject.quickInput, reply });
  await subject.jobs.quickResult(job);
  endTurn();
  if ((await job.box.wait(2, subject.limits.finalMs)) === undefined) return pass();
  return fail(
    'the result again, after HTTP 404',
    'no further try: 4xx other than 408 and 429 is final',
    'Give a result up when its webhook answers 4xx (not 408 or 429); it stays readable at GET /status.',
  );
}

async function redirect(subject: Subject, endTurn: EndTurn): Promise<Outcome> {
  const elsewhere = subject.receiver.open();
  const location = elsewhere.url;
  const reply = (n: number) => (n === 0 ? { status: 307, headers: { location } } : { status: 200 });
  const job = await subject.jobs.start({ check: 'redirect', input: subject.quickInput, reply });
  await subject.jobs.quickResult(job);
  endTurn();
  if ((await elsewhere.wait(1, subject.limits.quietMs)) === undefined) return pass();
  return fail(
    'the result at the address of the redirect',
    'no request to another address than config.webhookUrl',
    'Switch off redirects for webhooks: a result must not be led to another host.',
  );
}
