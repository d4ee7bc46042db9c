/** What holds in every state of a run that can be reached, and after any history. */
import fc from 'fast-check';
import { placesOf } from '../../src/domain/children';
import { decideRun, type RunDecision } from '../../src/domain/decide-run';
import { fold, patch, projectRun } from '../../src/domain/ledger';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import { needsOf } from '../../src/domain/graph';
import type { Phase, StepPlan } from '../../src/domain/plan';
import { isActive, isTerminal, runDueAt, stepOf, type RunState, type StepState } from '../../src/domain/run';
import {
  applyLeases,
  ATTEMPTS,
  claimsOf,
  contextAt,
  everyEvent,
  explore,
  freshRun,
  straysOf,
  type Claims,
  type Visit,
} from './run-world';

/** The first few visits that break each rule; all rules in one walk, because the walk is long. */
const broken = new Map<string, Visit[]>();
const reached: Array<{ state: RunState; now: number }> = [];
let ends = 0;

const RULES: Record<string, (visit: Visit) => boolean> = {
  'a run that is over never changes, but for what it owes others': ({ before, decision }) =>
    !isTerminal(before.status) ||
    isSame(withoutTodo(before), { ...decision, state: withoutTodo(decision.state) }) ||
    JSON.stringify(withoutTodo(before)) === JSON.stringify(withoutTodo(decision.state)),
  'each lease that a run asks for or takes is given back once, by its end at the latest': (visit) => {
    const after = leasesAfter(visit);
    return after !== undefined && sameClaims(after, claimsOf(visit.decision.state));
  },
  'no more attempts are made than configured': ({ decision }) =>
    decision.state.steps.every((s) => s.attempt <= ATTEMPTS && s.history.length <= s.attempt),
  'every attempt that is over has one record': ({ decision }) =>
    decision.state.steps.every((s) => new Set(s.history.map((h) => h.attempt)).size === s.history.length),
  'whatever waits for something timed has a due time': ({ decision: { state } }) =>
    state.steps.every((s) => isUnderWay(s) === (s.dueAt !== undefined)),
  'a run is due some time while it is under way or owes others something': ({ decision: { state } }) =>
    state.status === 'queued' ||
    (runDueAt(state) !== undefined) === (state.status === 'running' || state.todo !== undefined),
  'a step begins only when what it needs is settled, as its join asks': ({ before, decision: { state } }) =>
    state.steps.every((step, i) => {
      const plan = state.plan[i] as StepPlan;
      if (before.steps[i]?.status !== 'pending' || !isUnderWay(step)) return true;
      const needed = needsOf(state.plan, plan).map((id) => stepOf(state, id)?.status);
      const succeeded = needed.filter((status) => status === 'succeeded').length;
      if (plan.atLeast !== undefined) return succeeded >= plan.atLeast;
      return needed.every((status) => status && SETTLED.includes(status));
    }),
  'steps for the end begin after the run proper, those for a failure only then': ({
    decision: { state },
  }) => {
    const begun = (phase: Phase) => state.steps.some((s, i) => inPhase(state, i, phase) && s.attempt > 0);
    const mainIsOver = state.steps.every((s, i) => !inPhase(state, i, 'main') || SETTLED.includes(s.status));
    const failed = (state.ending?.status ?? state.status) === 'failed';
    return (mainIsOver || !(begun('on-failure') || begun('finally'))) && (failed || !begun('on-failure'));
  },
  'the end is told once, with its time and its reason': ({ before, decision: { state, commands } }) => {
    const told = commands.filter((c) => c.type === 'finished').length;
    const ended = isTerminal(state.status) && !isTerminal(before.status);
    const reasoned =
      state.finishedAt !== undefined && (state.status === 'succeeded') === (state.error === undefined);
    return told === (ended ? 1 : 0) && (!isTerminal(state.status) || reasoned);
  },
  'a run that succeeded has no step that failed and mattered, and none under way': ({
    decision: { state },
  }) =>
    state.status !== 'succeeded' ||
    state.steps.every(
      (s, i) =>
        ['succeeded', 'skipped'].includes(s.status) ||
        (s.status === 'failed' && state.plan[i]?.optional) ||
        (s.status === 'cancelled' && inPhase(state, i, 'finally')),
    ),
  'what is waited for is announced once, and taken back by the end': ({ before, decision }) => {
    const open = (run: RunState) =>
      run.steps.filter((s, i) => s.status === 'parked' && WAITS.includes(run.plan[i]?.kind ?? ''));
    const change = decision.waits.reduce((sum, w) => sum + (w.op === 'open' ? 1 : -1), 0);
    return open(decision.state).length - open(before).length === change;
  },
  'no run that does a step’s work is forgotten: it is stopped, or its end is taken in': ({
    before,
    decision,
  }) =>
    before.steps.every((s, i) => {
      const running = placesOf(s.children ?? '', 'r').length;
      const after = decision.state.steps[i];
      const left = s.status === 'parked' && after?.status !== 'parked' && running > 0;
      const stopped = decision.commands.some((c) => c.type === 'todo' && c.todo.kind === 'stop-children');
      return !left || stopped || running === 1;
    }),
  // The last, because it is the only one that tells anything of an event without effect.
  'what does not change anything does nothing': ({ before, decision }) =>
    decision.outcome === 'changed' ||
    (isSame(before, decision) && decision.leases.length + decision.commands.length === 0),
};

const SETTLED = ['succeeded', 'failed', 'cancelled', 'skipped'];
const WAITS = ['event', 'approval'];

const isUnderWay = ({ status }: StepState): boolean =>
  isActive(status) || status === 'parked' || status === 'backing-off';

const inPhase = ({ plan }: RunState, index: number, phase: Phase): boolean =>
  (plan[index]?.phase ?? 'main') === phase;

function withoutTodo({ todo: _todo, todoAt: _todoAt, ...run }: RunState): RunState {
  return run;
}

/** Nothing changed, but for the note that a result came too late. */
function isSame(before: RunState, { state, outcome }: RunDecision): boolean {
  if (outcome !== 'late') return state === before;
  const unnoted = (run: RunState) =>
    JSON.stringify(run, (key, value: unknown) => (key === 'late' ? undefined : value));
  return unnoted(state) === unnoted(before) && JSON.stringify(state) !== JSON.stringify(before);
}

function leasesAfter({ before, decision }: Visit): Claims | undefined {
  try {
    return applyLeases(claimsOf(before), decision.leases);
  } catch {
    return undefined; // a change that makes no sense breaks the rule, too
  }
}

const sameClaims = (a: Claims, b: Claims): boolean =>
  a.size === b.size && [...a].every(([key, claim]) => b.get(key) === claim);

beforeAll(() => {
  const rules = Object.entries(RULES);
  explore((visit) => {
    const { before, event, now, decision } = visit;
    if (isTerminal(decision.state.status)) ends += 1;
    if (event.type === 'due') reached.push({ state: before, now });
    // A state that stays was looked at when it was reached.
    for (const [name, rule] of decision.state === before ? rules.slice(-1) : rules) {
      if (rule(visit)) continue;
      const list = broken.get(name) ?? [];
      broken.set(name, [...list, visit].slice(0, 2));
    }
  });
});

describe('in every state that can be reached', () => {
  it.each(Object.keys(RULES))('%s', (name) => {
    expect(broken.get(name) ?? []).toEqual([]);
    expect(ends).toBeGreaterThan(1_000);
  });

  it('a run that nobody answers comes to its end by its due times alone', () => {
    /** Looks a run may take to end: several per attempt and step. */
    const MAX_LOOKS = 100;
    for (const { state, now } of reached.filter((r) => r.state.status === 'running')) {
      let run = state;
      let time = now;
      for (let looks = 0; looks < MAX_LOOKS && !isTerminal(run.status); looks++) {
        time = Math.max(time, runDueAt(run) ?? Infinity);
        run = decideRun(run, { type: 'due' }, contextAt(time, looks % 2 === 0)).state;
      }
      expect(isTerminal(run.status)).toBe(true);
    }
  });
});

describe('after any history', () => {
  /** Which of the possible events, how much later, and whether the capsule is awake then. */
  const histories = fc.array(
    fc.record({
      pick: fc.nat(),
      stray: fc.nat({ max: 9 }).map((n) => n === 0),
      later: fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 40_000 })),
      awake: fc.boolean(),
      performing: fc.boolean(),
    }),
    { maxLength: 60 },
  );

  it('folding the ledger gives the state, terminal states stay, and leases balance', () => {
    let ended = 0;
    fc.assert(
      fc.property(histories, (history) => {
        let run = freshRun();
        let now = 0;
        let claims: Claims = new Map();
        const entries = [{ set: patch({}, projectRun(run)) }];
        for (const { pick, stray, later, awake, performing } of history) {
          now += later;
          const events = stray ? straysOf(run) : everyEvent(run);
          const event = events[pick % events.length] ?? { type: 'due' as const };
          const context = contextAt(now, awake, { limits: DEFAULT_LIMITS, performing });
          const decision = decideRun(run, event, context);
          if (isTerminal(run.status)) expect(isSame(run, decision)).toBe(true);
          claims = applyLeases(claims, decision.leases);
          entries.push({ set: patch(projectRun(run), projectRun(decision.state)) });
          run = decision.state;
          expect(claims).toEqual(claimsOf(run));
        }
        if (isTerminal(run.status)) ended += 1;
        expect(fold(entries)).toEqual(projectRun(run));
      }),
      { numRuns: 300 },
    );
    expect(ended).toBeGreaterThan(0);
  });

  it('never writes to the state it was given', () => {
    const freeze = <T>(value: T): T => {
      if (value !== null && typeof value === 'object') Object.values(Object.freeze(value)).forEach(freeze);
      return value;
    };
    fc.assert(
      fc.property(histories, (history) => {
        let run = freeze(freshRun());
        for (const { pick, awake } of history) {
          const events = everyEvent(run);
          const event = events[pick % events.length] ?? { type: 'due' as const };
          run = freeze(decideRun(run, event, contextAt(pick, awake)).state);
        }
      }),
      { numRuns: 100 },
    );
  });
});
