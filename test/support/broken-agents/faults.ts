/** Agents with one fault each, and the check that has to name it. */
import { randomUUID } from 'node:crypto';
import { NOW_SECONDS, signature, type Behaviour } from './behaviour';

export interface Fault {
  name: string;
  /** The one check that fails. */
  fails: string;
  behaviour: Partial<Behaviour>;
}

const withoutKey = (object: object, key: string) =>
  Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));

export const FAULTS: readonly Fault[] = [
  {
    name: 'says "up" in its health',
    fails: 'health',
    behaviour: { health: (good) => ({ ...good, status: 'up' }) },
  },
  { name: 'answers 503 to GET /health', fails: 'health', behaviour: { healthStatus: 503 } },
  {
    name: 'calls its idle state "ready"',
    fails: 'status-idle',
    behaviour: { status: (good) => ({ ...good, state: good['state'] === 'idle' ? 'ready' : 'running' }) },
  },
  {
    name: 'makes a new bootId for each answer',
    fails: 'boot-id',
    behaviour: { health: (good) => ({ ...good, bootId: randomUUID() }) },
  },
  {
    name: 'answers 200 instead of 202',
    fails: 'run',
    behaviour: { accepted: { status: 200, body: { accepted: true } }, duplicateStatus: 200 },
  },
  {
    name: 'answers 202 without accepted',
    fails: 'run',
    behaviour: { accepted: { status: 202, body: { ok: true } } },
  },
  { name: 'PUTs its result', fails: 'result', behaviour: { method: 'PUT' } },
  { name: 'sends its result as text', fails: 'result', behaviour: { contentType: 'text/plain' } },
  {
    name: "loses the body's runId",
    fails: 'result-ids',
    behaviour: { result: (good) => withoutKey(good, 'runId') },
  },
  {
    name: 'swaps stepId and workflowId',
    fails: 'result-ids',
    behaviour: { result: (good) => ({ ...good, stepId: good.workflowId, workflowId: good.stepId }) },
  },
  {
    name: 'leaves out durationMs',
    fails: 'result-shape',
    behaviour: { result: (good) => withoutKey(good, 'durationMs') },
  },
  {
    name: 'calls success "done"',
    fails: 'result-shape',
    behaviour: { result: (good) => ({ ...good, status: good.status === 'success' ? 'done' : good.status }) },
  },
  {
    name: 'sends null for what it does not know',
    fails: 'result-shape',
    behaviour: { result: (good) => ({ ...good, confidence: null }) },
  },
  {
    name: 'drops the query of the webhook URL',
    fails: 'webhook-url',
    behaviour: { webhookUrl: (given) => given.replace(/\?.*/, '') },
  },
  {
    name: 'decodes the query of the webhook URL',
    fails: 'webhook-url',
    behaviour: { webhookUrl: (given) => given.replace('%2B', '+') },
  },
  { name: 'signs nothing although it has a secret', fails: 'signature', behaviour: { sign: () => ({}) } },
  {
    name: 'signs other bytes than it sends',
    fails: 'signature',
    behaviour: {
      serialise: (result) => JSON.stringify(result, null, 2),
      sign: (body, secret, id) => signature(JSON.stringify(JSON.parse(body)), secret, id),
    },
  },
  {
    name: 'signs with a clock that is an hour late',
    fails: 'signature',
    behaviour: { sign: (body, secret, id) => signature(body, secret, id, NOW_SECONDS() - 3_600) },
  },
  {
    name: 'signs with another secret',
    fails: 'signature',
    behaviour: { sign: (body, secret, id) => signature(body, `${secret}!`, id) },
  },
  { name: 'says running for ever', fails: 'status-after', behaviour: { neverIdle: true } },
  {
    name: 'loses the result at /status',
    fails: 'status-last',
    behaviour: { status: (good) => withoutKey(good, 'last') },
  },
  { name: 'sends an acknowledged result again', fails: 'one-result', behaviour: { sendings: 2 } },
  { name: 'runs the same request twice', fails: 'idempotent', behaviour: { key: () => undefined } },
  {
    name: 'answers 409 to the same request',
    fails: 'idempotent',
    behaviour: { duplicateStatus: 409, duplicateWhileRunningStatus: 409 },
  },
  { name: 'rejects fields it does not know', fails: 'additive', behaviour: { strict: true } },
  {
    name: 'takes the next attempt for a duplicate',
    fails: 'next-attempt',
    behaviour: { key: ({ runId, stepId }) => `${runId} ${stepId}` },
  },
  {
    name: 'leaves the attempt out of its result',
    fails: 'next-attempt',
    behaviour: { result: (good) => withoutKey(good, 'attempt') },
  },
  { name: 'answers 500 to broken JSON', fails: 'malformed', behaviour: { malformedStatus: 500 } },
  {
    name: 'takes a job without timeoutSeconds',
    fails: 'missing-fields',
    behaviour: { forgiving: ['config.timeoutSeconds'] },
  },
  { name: 'takes a body of any content type', fails: 'content-type', behaviour: { anyContentType: true } },
  { name: 'ignores oversize', fails: 'too-large', behaviour: { maxBytes: Infinity } },
  { name: 'takes 100 kB at most', fails: 'large-input', behaviour: { maxBytes: 100_000 } },
  {
    name: 'calls a wrong input a success',
    fails: 'wrong-input',
    behaviour: { wrongInput: 'success' },
  },
  {
    name: 'does not say which field is wrong',
    fails: 'wrong-input-field',
    behaviour: { wrongInput: 'unnamed' },
  },
  { name: 'dies on bad input', fails: 'survives', behaviour: { wrongInput: 'die' } },
  { name: 'is restarted after a job that failed', fails: 'survives', behaviour: { wrongInput: 'restart' } },
  { name: 'dies on broken JSON', fails: 'survives', behaviour: { diesOnMalformed: true } },
  { name: 'sends its webhook without retry', fails: 'retry', behaviour: { retries: () => false } },
  {
    name: 'takes 429 as final',
    fails: 'retry-429',
    behaviour: { retries: (status) => status >= 500 },
  },
  { name: 'names each try anew', fails: 'retry-same', behaviour: { newIdEachTry: true } },
  {
    name: 'goes on after 4xx',
    fails: 'final-4xx',
    behaviour: { retries: (status) => status >= 400 },
  },
  { name: 'follows redirects', fails: 'redirect', behaviour: { followsRedirects: true } },
  { name: 'stops any job on cancel', fails: 'cancel-other', behaviour: { cancel: 'any' } },
  { name: 'accepts a cancel and goes on', fails: 'cancel', behaviour: { cancel: 'ignored' } },
  {
    name: 'never says running',
    fails: 'status-running',
    behaviour: { status: (good) => ({ ...withoutKey(good, 'current'), state: 'idle' }) },
  },
  {
    name: 'answers 404 to a status with a query',
    fails: 'status-query',
    behaviour: { statusOfQuery: 404 },
  },
  {
    name: 'answers 429 to the request of its running job',
    fails: 'idempotent-running',
    behaviour: { duplicateWhileRunningStatus: 429 },
  },
  { name: 'accepts while it is busy', fails: 'busy', behaviour: { whileBusy: 'run' } },
  {
    name: 'answers 503 while it is busy',
    fails: 'busy',
    behaviour: { busy: { status: 503, retryAfter: '1' } },
  },
  {
    name: 'sends no Retry-After',
    fails: 'retry-after',
    behaviour: { busy: { status: 429, retryAfter: undefined } },
  },
  { name: 'ignores timeoutSeconds', fails: 'timeout', behaviour: { honoursTimeout: false } },
  { name: 'calls a timeout an error', fails: 'timeout', behaviour: { timeoutStatus: 'error' } },
  { name: 'tells its duration in seconds', fails: 'duration', behaviour: { durationFactor: 1 / 1_000 } },
];
