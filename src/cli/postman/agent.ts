/** "Agent in isolation": one agent over the agent contract, with nothing else around it. */
import { AgentRunRequest } from '../../contract';
import { folder, item, type Folder, type RequestSpec } from './format';
import { hasStatus, pollUntil, test } from './scripts';

const NAME = 'Agent in isolation';

/** The job to test an agent with; its ids are easy to recognise, and its runId is a UUID of no version. */
export const TEST_JOB = {
  workflowId: 'test',
  stepId: 'my-new-step',
  runId: '00000000-0000-0000-0000-000000000001',
  input: {},
  config: { webhookUrl: '{{webhookUrl}}', timeoutSeconds: 300 },
};
const { workflowId, stepId, runId } = TEST_JOB;
const IDS = { workflowId, stepId, runId };

/** @throws ZodError when the job is none of the contract's any more */
export function agentFolder(): Folder {
  AgentRunRequest.parse({ ...TEST_JOB, config: { ...TEST_JOB.config, webhookUrl: 'https://example.com/' } });
  const description =
    'Start an agent with AGENT_MODE=api, set `agentUrl`, and run this folder. The result goes to `webhookUrl`: ' +
    'by default a bin of the inbox of the orchestrator, else any address that shows what it is sent. The agent ' +
    'holds it at GET /status too, where it is read back.';
  return folder(
    NAME,
    description,
    SPECS.map((spec) => item(NAME, spec)),
  );
}

const agent = (spec: Omit<RequestSpec, 'base' | 'open'>): RequestSpec => ({
  ...spec,
  base: 'agentUrl',
  open: true,
});

const SPECS: RequestSpec[] = [
  agent({
    name: 'Is it ready?',
    method: 'GET',
    path: '/health',
    description: 'Asked by the orchestrator until it is answered 200 after a wake.',
    tests: [...hasStatus(200), ...test('is ok', "pm.expect(pm.response.json().status).to.eql('ok');")],
  }),
  agent({
    name: 'What is it doing?',
    method: 'GET',
    path: '/status',
    description: 'Running or idle, and its last result.',
    tests: [
      ...hasStatus(200),
      ...test('says so', "pm.expect(pm.response.json().state).to.be.oneOf(['idle', 'running']);"),
    ],
  }),
  agent({
    name: 'Run a job',
    method: 'POST',
    path: '/run',
    description: 'Put an `input` that your job understands into the body.',
    body: TEST_JOB,
    tests: [...hasStatus(202), ...test('takes it', 'pm.expect(pm.response.json().accepted).to.eql(true);')],
  }),
  agent({
    name: 'Run the same job again',
    method: 'POST',
    path: '/run',
    description: 'Accepted as well, and never a second job: runId, stepId and attempt are the same.',
    body: TEST_JOB,
    tests: [...hasStatus(202), ...test('takes it', 'pm.expect(pm.response.json().accepted).to.eql(true);')],
  }),
  agent({
    name: 'Read the result back',
    method: 'GET',
    path: '/status',
    description: 'Asked again until the agent has it. Run the folder, or send this one until it is there.',
    query: [
      { key: 'runId', value: runId },
      { key: 'stepId', value: stepId },
    ],
    tests: [
      ...hasStatus(200),
      ...pollUntil(`body.last && body.last.runId === '${runId}' && body.state === 'idle'`, [
        ...test(
          'is an AgentRunResult of this job',
          'const result = body.last;',
          `pm.expect(result).to.include(${JSON.stringify(IDS)});`,
          "pm.expect(result.status).to.be.oneOf(['success', 'error', 'timeout']);",
          "pm.expect(result.output).to.be.an('object');",
          "pm.expect(result.durationMs).to.be.a('number');",
          "if (result.status !== 'success') pm.expect(result.error).to.be.a('string');",
        ),
      ]),
    ],
  }),
  agent({
    name: 'Cancel a job',
    method: 'POST',
    path: '/cancel',
    description: 'Optional in the contract; of a job that is over it changes nothing.',
    body: { runId, stepId },
    tests: [
      ...hasStatus(202, 404, 405),
      ...test('is no mistake', 'pm.expect(pm.response.code).to.be.below(500);'),
    ],
  }),
  agent({
    name: 'Refuse a bad job',
    method: 'POST',
    path: '/run',
    description: 'A request that is no job is answered 4xx, and is never sent again.',
    body: { ...TEST_JOB, runId: 'not a UUID' },
    tests: hasStatus(400, 422),
  }),
];
