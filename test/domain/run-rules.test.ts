/** What holds in every state of a run that can be reached, and after any history. */
import fc from 'fast-check';
import { decideRun, type RunDecision } from '../../src/domain/decide-run';
import { fold, patch, projectRun } from '../../src/domain/ledger';
import { DEFAULT_LIMITS } from '../../src/domain/limits';
import { isActive, isTerminal, runDueAt, type RunState } from '../../src/domain/run';
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
  'a run that is over never changes': ({ before, decision }) =>
    !isTerminal(before.status) || (isSame(before, decision) && decision.outcome !== 'changed'),
  'each lease that a run asks for or takes is given back once, by its end at the latest': (visit) => {
    const after = leasesAfter(visit);
    return after !== undefined && sameClaims(after, claimsOf(visit.decision.state));
  },
  'no more attempts are made than configured': ({ decision }) =>
    decision.state.steps.every((s) => s.attempt <= ATTEMPTS && s.history.length <= s.attempt),
  'every attempt that is over has one record': ({ decision }) =>
    decision.state.steps.every((s) => new Set(s.history.map((h) => h.attempt)).size === s.history.length),
  'whatever waits for something timed has a due time': ({ decision: { state } }) =>
    state.steps.every((s) => (isActive(s.status) || s.status === 'backing-off') === (s.dueAt !== undefined)),
  'a run that is under way is due some time, and one that is over never': ({ decision: { state } }) =>
    state.status === 'queued' || (runDueAt(state) !== undefined) === (state.status === 'running'),
  'a step begins only when all before it have succeeded, and one at a time': ({ decision: { state } }) => {
    const begun = state.steps.findIndex((s) => isActive(s.status) || s.status === 'backing-off');
    const others = state.steps.filter((_, index) => index !== begun);
    return begun < 0 || others.every((s, i) => s.status === (i < begun ? 'succeeded' : 'pending'));
  },
  'the end is told once, with its time and its reason': ({ before, decision: { state, commands } }) => {
    const told = commands.filter((c) => c.type === 'finished').length;
    const ended = isTerminal(state.status) && !isTerminal(before.status);
    const reasoned =
      state.finishedAt !== undefined && (state.status === 'succeeded') === (state.error === undefined);
    return told === (ended ? 1 : 0) && (!isTerminal(state.status) || reasoned);
  },
  'a run that succeeded has every step succeeded': ({ decision: { state } }) =>
    (state.status === 'succeeded') === state.steps.every((s) => s.status === 'succeeded'),
  'what does not change anything does nothing': ({ before, decision }) =>
    decision.outcome === 'changed' ||
    (isSame(before, decision) && decision.leases.length + decision.commands.length === 0),
};

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
  explore((visit) => {
    if (isTerminal(visit.decision.state.status)) ends += 1;
    if (visit.event.type === 'due') reached.push({ state: visit.before, now: visit.now });
    for (const [name, rule] of Object.entries(RULES)) {
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
