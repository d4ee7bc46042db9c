/** Problems of what people allow and forbid: switches, budgets, approvals and alerts. */
import type { ProblemKind } from './kind';

export const SAFETY = {
  'nothing-to-decide': {
    status: 409,
    title: 'This step does not wait for a decision',
    hint: 'GET /approvals lists the steps that do; somebody may have decided already.',
  },
  'approval-not-found': {
    status: 404,
    title: 'There is no such approval',
    hint: 'GET /approvals lists what waits; old ones are removed with their runs.',
  },
  'own-approval': {
    status: 403,
    title: 'Nobody approves their own run',
    hint: 'Ask somebody else: the person who started a run has no yes in it, with any of their keys.',
  },
  'not-overseen': {
    status: 409,
    title: 'This agent is not overseen',
    hint: 'Give it `oversight` in the registry first.',
  },
  'protocol-running': {
    status: 409,
    title: 'A protocol is under way already',
    hint: 'GET /protocols shows it; stop it first, or wait for its end.',
  },
  'protocol-not-found': {
    status: 404,
    title: 'There is no such protocol',
    hint: 'GET /protocols lists them.',
  },
  'voted-already': {
    status: 409,
    title: 'You have decided on this already',
    hint: 'Each person has one vote, with all of their keys together. GET /approvals/{id} shows who is missing.',
  },
  'nothing-to-revise': {
    status: 409,
    title: 'This cannot be sent back',
    hint: 'Approve or reject: a step of a workflow proposes nothing, and an agent only so many times.',
  },
  'breaker-not-found': {
    status: 404,
    title: 'This agent has no breaker',
    hint: 'GET /breakers lists those that have one; `breaker` in the registry gives it one.',
  },
  'switch-not-found': {
    status: 404,
    title: 'There is no such switch',
    hint: 'GET /switches lists those that are on, and those that were.',
  },
  'switch-subject-unknown': {
    status: 404,
    title: 'There is nothing of this id to switch off',
    hint: 'GET /agents and GET /workflows list what there is; `detail` names the environment of this installation.',
  },
  'budget-not-found': {
    status: 404,
    title: 'There is no such budget or cap',
    hint: 'GET /budgets and GET /caps list them; POST /budgets/{id}/set makes one.',
  },
  'emergency-stop-not-found': {
    status: 404,
    title: 'There is no such emergency stop',
    hint: 'POST /emergency-stop answers the id of the one it began.',
  },
  'alert-not-found': {
    status: 404,
    title: 'There is no such alert',
    hint: 'GET /alerts lists them; resolved ones are removed after the retention time.',
  },
} as const satisfies Record<string, ProblemKind>;
