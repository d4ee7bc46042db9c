/** What the agent tells about itself before it has work. */
import { AgentHealth, AgentStatus } from '../../contract';
import { fail, pass, skip, type Check, type Outcome } from '../check';
import type { Answer } from '../client';
import { describe, differences } from '../shape';
import type { Subject } from '../subject';
import { quote, quoteAnswer, seconds } from '../text';

export const READING: readonly Check[] = [
  { id: 'health', title: 'GET /health says that it is well', required: true, run: health },
  { id: 'status-idle', title: 'GET /status says that it is idle', required: true, run: statusIdle },
  {
    id: 'boot-id',
    title: 'bootId names the process: the same in every answer',
    required: false,
    run: bootId,
  },
];

async function health({ agent, limits }: Subject): Promise<Outcome> {
  const expected = `HTTP 200 with {"status":"ok"} as application/json within ${seconds(limits.healthMs)}`;
  const answer = await agent.get('/health', limits.healthMs);
  const mend =
    'Answer GET /health as soon as the agent listens; agentId, version, bootId and mode are optional.';
  if (answer.status !== 200) return fail(quoteAnswer(answer), expected, mend);
  const found = differences(AgentHealth, answer.json);
  if (found.length > 0) return fail(`${describe(found)} in ${quote(answer.text)}`, expected, mend);
  if (!isJson(answer))
    return fail(`content-type ${typeOf(answer)}`, expected, 'Send content-type: application/json.');
  return pass(`${Math.round(answer.elapsedMs)} ms`);
}

async function statusIdle({ agent, jobs, limits }: Subject): Promise<Outcome> {
  const expected = 'HTTP 200 with {"state":"idle"} as application/json';
  // It may have work of its own at first, and be idle soon.
  await jobs.idle();
  const answer = await agent.get('/status', limits.statusMs);
  const mend =
    'state is "idle" or "running"; bootId, current and last are optional, and left out when there are none.';
  if (answer.status !== 200) return fail(quoteAnswer(answer), expected, mend);
  const found = differences(AgentStatus, answer.json);
  // A last result is judged where it was delivered.
  const own = found.filter(({ field }) => !field.startsWith('last.'));
  if (own.length > 0) return fail(`${describe(own)} in ${quote(answer.text)}`, expected, mend);
  const { state } = answer.json as AgentStatus;
  if (state !== 'idle')
    return fail(
      quoteAnswer(answer),
      expected,
      'Check an agent that has no other work, or end its job first.',
    );
  if (!isJson(answer))
    return fail(`content-type ${typeOf(answer)}`, expected, 'Send content-type: application/json.');
  return pass();
}

async function bootId(subject: Subject): Promise<Outcome> {
  const { agent, limits } = subject;
  const answers = [
    await agent.get('/health', limits.healthMs),
    await agent.get('/status', limits.statusMs),
    await agent.get('/health', limits.healthMs),
  ];
  const told = answers.map(({ json }) => (json as { bootId?: unknown } | undefined)?.bootId);
  if (told.every((id) => id === undefined))
    return skip('not-offered', 'it tells no bootId: a restart during a job is noticed at the deadline only');
  const [first] = told;
  if (typeof first === 'string' && told.every((id) => id === first)) {
    subject.bootId = first;
    return pass();
  }
  return fail(
    told.map((id, n) => `${answers[n]?.call}: ${quote(id)}`).join(', '),
    'the same text in all three',
    'Make one random id when the process starts, and put it into /health and /status. A changed one means that the job is lost.',
  );
}

const typeOf = ({ headers }: Answer): string => headers['content-type'] ?? '(none)';
const isJson = (answer: Answer): boolean => /^application\/(.*\+)?json\b/i.test(typeOf(answer));
