/** "Drive a workflow": one run from its start to its end, and what can be done with it. */
import { RUN_STATUSES, isTerminal } from '../../domain/run';
import { folder, item, type Folder, type RequestSpec } from './format';
import { carry, hasStatus, isProblem, pollUntil, test } from './scripts';

const NAME = 'Drive a workflow';
const OVER = JSON.stringify(RUN_STATUSES.filter(isTerminal));
const RUN = { runId: '{{runId}}' };
const key = {
  key: 'Idempotency-Key',
  value: '{{$guid}}',
  description: 'The same key never starts a second run.',
};

export const driveFolder = (): Folder =>
  folder(
    NAME,
    'Set `workflowId` and run this folder: it starts a run, follows it to its end, reads it, runs it again, and cancels that.',
    SPECS.map((spec) => item(NAME, { ...spec, base: 'orchestratorUrl' })),
  );

const SPECS: Array<Omit<RequestSpec, 'base'>> = [
  {
    name: 'Trigger a run',
    method: 'POST',
    path: '/workflows/{workflowId}/runs',
    description: "`input` is merged over the workflow's own.",
    params: { workflowId: '{{workflowId}}' },
    headers: [key],
    body: { input: {} },
    tests: [
      ...hasStatus(201),
      ...carry('runId', '.id', [201]),
      ...test(
        'says where the run is',
        "pm.expect(pm.response.headers.get('Location')).to.match(/^\\/runs\\//);",
      ),
    ],
  },
  {
    name: 'Poll until it is over',
    method: 'GET',
    path: '/runs/{runId}',
    description: 'The capsules of its agents wake one after the other. Asked again until the run has ended.',
    params: RUN,
    tests: [
      ...hasStatus(200),
      ...pollUntil(`${OVER}.includes(body.status)`, [
        ...test('has succeeded', "pm.expect(body.status, JSON.stringify(body.error)).to.eql('succeeded');"),
      ]),
    ],
  },
  {
    name: 'Read what it did',
    method: 'GET',
    path: '/runs/{runId}',
    description: 'Its steps with attempts, times, outputs and errors.',
    params: RUN,
    tests: [
      ...hasStatus(200),
      ...test(
        'each step succeeded',
        'const { steps } = pm.response.json();',
        "for (const step of steps) pm.expect(step.status, step.id).to.eql('succeeded');",
      ),
    ],
  },
  {
    name: 'Run it again',
    method: 'POST',
    path: '/runs/{runId}/rerun',
    description: 'From its first step, or from `fromStep` with the outputs of the steps before.',
    params: RUN,
    headers: [key],
    body: {},
    tests: [...hasStatus(201), ...carry('rerunId', '.id', [201])],
  },
  {
    name: 'Cancel that',
    method: 'POST',
    path: '/runs/{runId}/cancel',
    description: 'The agent at work is told. A run that is over already cannot be cancelled any more.',
    params: { runId: '{{rerunId}}' },
    body: { reason: 'cancelled from Postman' },
    tests: [...hasStatus(200, 409), ...isProblem(['run-over'])],
  },
];
