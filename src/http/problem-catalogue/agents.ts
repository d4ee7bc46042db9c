/** Problems of agents, the capsules they live in and what they send back. */
import type { ProblemKind } from './kind';

export const AGENTS = {
  'callback-forged': {
    status: 401,
    title: 'The callback token is missing or not ours',
    hint: 'POST the result to the exact `config.webhookUrl` of the run request.',
  },
  'callback-expired': {
    status: 401,
    title: 'The callback token has expired',
    hint: 'The attempt was given up long ago; drop the result.',
  },
  'callback-revoked': {
    status: 401,
    title: 'The callback token was revoked by an emergency stop',
    hint: 'Drop the result; the attempt was given up with everything that ran.',
  },
  'callback-mismatch': {
    status: 401,
    title: 'The result belongs to another attempt than the callback token',
    hint: 'Report each attempt to the `config.webhookUrl` it came with.',
  },
  'claim-refused': {
    status: 401,
    title: 'The agent may not claim a job',
    hint: 'Check that the agent id and its secret are the ones in the registry of the orchestrator.',
  },
  'capsule-not-found': {
    status: 404,
    title: 'There is no such capsule',
    hint: 'GET /capsules lists those of the agents of this installation.',
  },
  'agent-not-found': {
    status: 404,
    title: 'There is no such agent',
    hint: 'GET /agents lists the agents of this installation.',
  },
  'build-not-found': {
    status: 404,
    title: 'There is no such build of this agent',
    hint: 'GET /agents/{agentId}/builds lists those the platform still knows.',
  },
  'capsule-held': {
    status: 409,
    title: 'The capsule may not be woken now',
    hint: '`detail` says what holds it: a kill switch, an open breaker, a wake that failed, or its way to sleep.',
  },
  'agent-at-work': {
    status: 409,
    title: 'The agent is at work on a job',
    hint: 'Wait until it is done (GET /capsules), or send `{"force": true}`, which interrupts the job.',
  },
  'build-under-way': {
    status: 409,
    title: 'A build of this agent is under way',
    hint: 'Follow it at GET /agents/{agentId}/builds/{buildId}, and redeploy again when it is over if need be.',
  },
  'builds-unsupported': {
    status: 501,
    title: 'The platform of this orchestrator builds nothing',
    hint: 'Set the CC_ variables for Code Capsules, or deploy the agent the way its platform wants it.',
  },
  'platform-refused': {
    status: 502,
    title: 'The platform did not do it',
    hint: 'Mend what `detail` names, then send the request again: no build has begun.',
  },
  'build-uncertain': {
    status: 502,
    title: 'It is not known whether a build has begun',
    hint: 'Look at GET /agents/{agentId}/builds before a new request. The same Idempotency-Key never starts a second one.',
  },
} as const satisfies Record<string, ProblemKind>;
