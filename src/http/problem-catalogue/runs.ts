/** Problems of workflows, their runs and what begins them. */
import type { ProblemKind } from './kind';

export const RUNS = {
  'unknown-step': {
    status: 400,
    title: 'The run has no such step',
    hint: 'Name one of the steps that GET /runs/{runId} lists.',
  },
  'signature-invalid': {
    status: 401,
    title: 'The webhook signature does not match',
    hint: 'Sign `id.timestamp.body` by Standard Webhooks with the secret of the registry, with a clock right to 300 s.',
  },
  'hook-refused': {
    status: 401,
    title: 'The webhook is not authentic',
    hint: 'Check the secret, its style and the clock at both ends; the log and the inbox of the orchestrator say what is wrong.',
  },
  'run-not-found': {
    status: 404,
    title: 'There is no such run',
    hint: 'GET /runs lists the runs that are kept; old ones are removed after the retention time.',
  },
  'attempt-not-found': {
    status: 404,
    title: 'There is no such attempt, or nothing is left of it',
    hint: 'GET /runs/{runId} shows the attempts of each step; only what an agent did and ended is kept, until the retention time.',
  },
  'workflow-not-found': {
    status: 404,
    title: 'There is no such workflow',
    hint: 'GET /workflows lists the workflows of this installation.',
  },
  'hook-not-found': {
    status: 404,
    title: 'No workflow of this id is started by webhooks',
    hint: 'Give it `on.webhook` in the registry; GET /workflows lists the workflows.',
  },
  'replay-not-found': {
    status: 404,
    title: 'There is no such replay',
    hint: 'Use the `id` that POST /replays answered; old ones are removed after the retention time.',
  },
  'no-schedule': {
    status: 404,
    title: 'The workflow has no schedule',
    hint: 'GET /workflows lists the schedules of this installation.',
  },
  'inbox-off': {
    status: 404,
    title: 'The inbox is off',
    hint: 'Set INBOX=on for this orchestrator. Unset, it is on in development only.',
  },
  'delivery-not-found': {
    status: 404,
    title: 'There is no such delivery',
    hint: 'GET /inbox lists what was delivered; it is kept for a day.',
  },
  'run-over': {
    status: 409,
    title: 'The run is over',
    hint: 'Nothing is left to cancel. POST /runs/{runId}/rerun starts it again.',
  },
  'run-not-over': {
    status: 409,
    title: 'The run is still under way',
    hint: 'Wait for it to end or cancel it, then start it again.',
  },
  'step-not-reached': {
    status: 409,
    title: 'The run cannot start again from this step',
    hint: 'Start from the step named in `stepId`, or from one before it: it left no output to take over.',
  },
  'delivery-not-replayable': {
    status: 409,
    title: 'The delivery cannot be applied again',
    hint: 'Only a whole result that came to /webhook with a valid token can. `reveille inbox replay ID --to URL` sends any whole delivery elsewhere, from your machine.',
  },
  'payloads-gone': {
    status: 410,
    title: 'Input and outputs of the run were removed',
    hint: 'The retention time has passed; start a new run of the workflow instead.',
  },
} as const satisfies Record<string, ProblemKind>;
