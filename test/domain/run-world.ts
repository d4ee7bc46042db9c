/** A small world of runs, small enough to visit every state that the rules can lead to. */
import {
  decideRun,
  type LeaseChange,
  type RunContext,
  type RunDecision,
  type RunEvent,
} from '../../src/domain/decide-run';
import type { RunData } from '../../src/domain/condition';
import { DEFAULT_LIMITS, type Limits } from '../../src/domain/limits';
import type { AgentStep, StepPlan } from '../../src/domain/plan';
import { isActive, type RunState, type StepState } from '../../src/domain/run';

export type EventType = RunEvent['type'];
export const EVENT_TYPES = [
  'start',
  'slot',
  'accepted',
  'send-failed',
  'result',
  'lost',
  'checked',
  'evicted',
  'held',
  'rerouted',
  'wake-failed',
  'child-ended',
  'done',
  'cancel',
  'due',
] as const satisfies readonly EventType[];

/** Every limit a few milliseconds, so that few states lie between. */
export const LIMITS: Limits = {
  ...DEFAULT_LIMITS,
  claimMs: 2,
  capsuleClaimMs: 2,
  maxSends: 2,
  resendMs: 1,
  maxBusyMs: 2,
  resultGraceMs: 1,
  checkMs: 2,
  maxSilentChecks: 2,
  maxWaitMs: 2,
  maxEvictions: 1,
  childCheckMs: 2,
  maxEndingMs: 2,
};

export const STEPS = ['first', 'second'] as const;
export const ATTEMPTS = 2;

export const plan: StepPlan[] = STEPS.map((id) => ({
  id,
  kind: 'agent',
  agentId: `agent-${id}`,
  timeoutMs: 2,
  attempts: ATTEMPTS,
  backoffMs: 1,
  maxBackoffMs: 1,
}));

const PARENT = '00000000-0000-4000-8000-000000000002';

export const pending = (id: string): StepState => ({ id, status: 'pending', attempt: 0, history: [] });

export function freshRun(over: Partial<RunState> = {}): RunState {
  return {
    id: '00000000-0000-4000-8000-000000000001',
    workflowId: 'audit',
    definition: 'd',
    plan,
    trigger: { kind: 'api' },
    status: 'queued',
    steps: STEPS.map(pending),
    createdAt: 0,
    ...over,
  };
}

const brief = { timeoutMs: 2, attempts: 1, backoffMs: 1, maxBackoffMs: 1 };
const agentStep = (id: string, more: Partial<AgentStep> = {}): AgentStep => ({
  id,
  kind: 'agent',
  agentId: `agent-${id}`,
  ...brief,
  ...more,
});

const soon = { kind: 'sleep' as const, until: { afterMs: 1 }, ...brief };

/** What steps do that no agent is asked for. */
export const WAITING: StepPlan[] = [
  { id: 'pause', kind: 'sleep', until: { afterMs: 1 }, ...brief },
  { id: 'event', kind: 'event', event: 'paid', key: ['input', 'order'], ...brief, optional: true },
  {
    id: 'each',
    kind: 'runs',
    workflowId: 'audit',
    definition: 'd',
    steps: [agentStep('each')],
    forEach: { items: 'input.list', maxItems: 5, concurrency: 1, tolerate: 1 },
    ...brief,
    attempts: 2,
  },
  { id: 'word', kind: 'approval', title: 'Go on?', ...brief },
];

/** A fork whose join takes the first, one side behind a condition, and steps for every end. */
export const FORKED: StepPlan[] = [
  { id: 'left', kind: 'approval', title: 'Left?', needs: [], optional: true, ...brief },
  agentStep('right', { needs: [] }),
  { ...soon, id: 'never', needs: ['left'], when: { path: 'input.order', equals: 'other' } },
  { ...soon, id: 'join', needs: ['left', 'right'], atLeast: 1 },
  { ...soon, id: 'after-never', needs: ['never'] },
  { ...soon, id: 'mend', phase: 'on-failure' },
  { id: 'tidy', kind: 'approval', title: 'Tidied?', phase: 'finally', ...brief },
];

export const DATA: RunData = { input: { list: ['a', 'b'], order: 'o-1' }, steps: {} };

const ofPlan = (of: StepPlan[], over: Partial<RunState> = {}): RunState =>
  freshRun({ plan: of, steps: of.map((s) => pending(s.id)), ...over });

/** As runs come into the world: new, with a deadline of their own, and again from the second step. */
export const beginnings = (): RunState[] => [
  freshRun(),
  ofPlan(plan.slice(0, 1), { deadline: 3 }),
  freshRun({
    steps: [{ ...pending(STEPS[0]), status: 'succeeded', reusedFrom: 'another' }, pending(STEPS[1])],
  }),
  ofPlan(WAITING, { trigger: { kind: 'step', runId: PARENT, stepId: 'each', attempt: 1, index: 0 } }),
  ofPlan(FORKED),
];

export const contextAt = (now: number, awake: boolean, over: Partial<RunContext> = {}): RunContext => ({
  now,
  random: () => 0.5,
  limits: LIMITS,
  capsuleOf: (agentId) => ({
    capsuleId: `capsule-of-${agentId}`,
    ...(awake && { awake: { generation: 7 } }),
  }),
  performing: true,
  data: DATA,
  ...over,
});

/** What agents answer, for one attempt of one step. */
function answers(stepId: string, attempt: number): RunEvent[] {
  const of = { stepId, attempt };
  const body = { workflowId: 'audit', stepId, runId: '00000000-0000-4000-8000-000000000001', output: {} };
  return [
    { type: 'accepted', ...of, bootId: 'boot' },
    { type: 'send-failed', ...of, failure: { kind: 'busy', retryAfterMs: 2 } },
    { type: 'send-failed', ...of, failure: { kind: 'rejected', message: 'no' } },
    { type: 'send-failed', ...of, failure: { kind: 'unreachable', message: 'refused' } },
    ...(['success', 'error', 'timeout'] as const).map((status) => ({
      type: 'result' as const,
      ...of,
      result: { ...body, status, durationMs: 1 },
    })),
    { type: 'lost', ...of, reason: 'another boot id' },
    { type: 'checked', ...of, answered: true },
    { type: 'checked', ...of, answered: false, detail: 'refused' },
    { type: 'evicted', ...of, reason: 'its agent does not work' },
    { type: 'held', ...of, reason: 'switched off' },
    { type: 'rerouted', ...of },
    { type: 'wake-failed', ...of, reason: 'not healthy' },
  ];
}

/** What runs that work for a step may say; for a step that has none, one that does not fit. */
const childrenOf = ({ id: stepId, attempt, children }: StepState): RunEvent[] =>
  [...(children || '?')].flatMap((_, index) =>
    (children ? (['succeeded', 'failed'] as const) : (['failed'] as const)).map((end) => ({
      type: 'child-ended' as const,
      stepId,
      attempt,
      index,
      end,
    })),
  );

/** Every event there is, for each step: those of the attempt in hand. */
export const everyEvent = (run: RunState): RunEvent[] => [
  { type: 'start' },
  { type: 'due' },
  { type: 'cancel', reason: 'asked' },
  { type: 'done', todo: run.todo?.[0] ?? { kind: 'tell-parent' } },
  ...run.steps.flatMap((step) => [
    { type: 'slot' as const, stepId: step.id, generation: 7, bootId: 'boot' },
    ...answers(step.id, step.attempt),
    ...childrenOf(step),
  ]),
];

/** Events of attempts before and after the one in hand, and of a step there is not. */
export const straysOf = (run: RunState): RunEvent[] => [
  { type: 'slot', stepId: 'nobody', generation: 7 },
  ...answers('nobody', 1),
  ...run.steps.flatMap((s) => [s.attempt - 1, s.attempt + 1].flatMap((attempt) => answers(s.id, attempt))),
];

export interface Visit {
  before: RunState;
  event: RunEvent;
  now: number;
  decision: RunDecision;
}

/** What of a state matters for what may follow: times only as distances from now. */
function essence(run: RunState, now: number): string {
  // The rules ask only whether a time has come, and how long a busy agent was waited for.
  const from = (time: number | undefined, past = 0) =>
    time === undefined ? null : Math.max(past, time - now);
  const steps = run.steps.map((s) => [
    s.status,
    s.attempt,
    Math.min(s.sends ?? 0, LIMITS.maxSends),
    s.silentChecks ?? 0,
    s.evictions ?? 0,
    from(s.dueAt),
    from(s.deadline),
    isActive(s.status) ? from(s.grantedAt, -LIMITS.maxBusyMs) : null,
    s.history.map((h) => h.durationMs !== undefined),
    s.children ?? null,
    s.status === 'parked' ? from(s.requestedAt, -LIMITS.claimMs) : null,
  ]);
  const left = [run.ending?.status, run.todo, from(run.todoAt)];
  return JSON.stringify([run.plan.length, run.status, from(run.deadline), left, steps]);
}

/** Visits each state that can be reached from `beginnings` by any events at any times, once. */
export function explore(visit: (visit: Visit) => void, from = beginnings()): number {
  const todo = from.map((run) => ({ run, now: 0 }));
  const seen = new Set(todo.map(({ run, now }) => essence(run, now)));
  const go = (run: RunState, now: number) => {
    const key = essence(run, now);
    if (seen.has(key)) return;
    seen.add(key);
    todo.push({ run, now });
  };
  for (let node = todo.pop(); node; node = todo.pop()) {
    const { run, now } = node;
    const contexts = [contextAt(now, false), contextAt(now, true)];
    for (const event of everyEvent(run)) {
      for (const context of contexts) {
        const decision = decideRun(run, event, context);
        visit({ before: run, event, now, decision });
        if (decision.state !== run) go(decision.state, now);
        // Whether the capsule is awake matters only to those who ask for a lease.
        if (!decision.leases.some((l) => l.op === 'request')) break;
      }
    }
    go(run, now + 1);
  }
  return seen.size;
}

export type Claims = Map<string, 'requested' | 'held'>;

/** The leases a run has by its own account. */
export function claimsOf(run: RunState): Claims {
  const active = run.steps.filter((s) => isActive(s.status));
  return new Map(
    active.map((s) => [
      `${s.id}/${s.attempt}@${s.capsuleId}`,
      s.status === 'waiting' ? ('requested' as const) : ('held' as const),
    ]),
  );
}

/** Applies lease changes. @throws when one makes no sense: a second request, a release of nothing. */
export function applyLeases(claims: Claims, changes: LeaseChange[]): Claims {
  const after = new Map(claims);
  for (const { op, stepId, attempt, capsuleId } of changes) {
    const key = `${stepId}/${attempt}@${capsuleId}`;
    const known = after.get(key);
    const sense = op === 'request' ? !known : op === 'grant' ? known !== 'held' : known !== undefined;
    if (!sense) throw new Error(`${op} of ${key}, which is ${known ?? 'unknown'}`);
    if (op === 'release') after.delete(key);
    else after.set(key, op === 'request' ? 'requested' : 'held');
  }
  return after;
}
