import {
  BREAKER_STATUSES,
  BreakerSchema,
  breakerEntry,
  breakerText,
  closedBreaker,
  decideBreaker,
  type BreakerEvent,
  type BreakerState,
  type Task,
} from '../../src/domain/breaker';
import { differences, diagram, Transitions } from './state-machine';

const T0 = 1_700_000_000_000;
const rules = (over: object = {}) =>
  BreakerSchema.parse({ consecutiveFailures: 3, openSeconds: 10, ...over });
const ref = (n = 1) => ({ runId: `run-${n}`, stepId: 's', attempt: 1 });
const task = (over: Partial<Task> = {}, n = 1): Extract<BreakerEvent, { type: 'task' }> => ({
  type: 'task',
  ref: ref(n),
  task: { at: T0, ok: true, costUsd: 0, intervened: false, ...over },
});
const bad = (n = 1) => task({ ok: false }, n);

const after = (events: BreakerEvent[], of = rules(), now = T0, from = closedBreaker('a')): BreakerState =>
  events.reduce((state, event) => decideBreaker(state, event, of, now), from);

const STATES: BreakerState[] = [
  closedBreaker('a'),
  after([bad(), bad()]),
  after([bad(), bad(), bad()]),
  { ...closedBreaker('a'), status: 'half-open', trips: 1 },
  { ...closedBreaker('a'), status: 'half-open', trips: 1, trial: ref() },
];
const EVENTS: BreakerEvent[] = [
  task(),
  bad(),
  task({}, 2),
  bad(2),
  { type: 'due' },
  { type: 'trial-void', ref: ref() },
  { type: 'trial-void', ref: ref(2) },
  { type: 'reset' },
];

describe('every event in every state', () => {
  const cells = new Transitions();
  for (const state of STATES)
    for (const event of EVENTS)
      for (const now of [T0, T0 + 60_000])
        cells.add(state.status, event.type, decideBreaker(state, event, rules(), now).status);

  test.each([
    ['closed', 'task', ['closed', 'open']],
    ['closed', 'due', ['closed']],
    ['closed', 'trial-void', ['closed']],
    ['closed', 'reset', ['closed']],
    ['open', 'task', ['open']],
    ['open', 'due', ['half-open', 'open']],
    ['open', 'trial-void', ['open']],
    ['open', 'reset', ['closed']],
    ['half-open', 'task', ['closed', 'half-open', 'open']],
    ['half-open', 'due', ['half-open']],
    ['half-open', 'trial-void', ['half-open']],
    ['half-open', 'reset', ['closed']],
  ])('%s, %s', (status, event, becomes) => expect(cells.from(status, event)).toEqual(becomes));

  it('is drawn', () => expect(differences(diagram('Breaker'), cells.arrows())).toEqual([]));
  it('knows every status', () =>
    expect(new Set(STATES.map((s) => s.status))).toEqual(new Set(BREAKER_STATUSES)));
});

describe('it opens', () => {
  it('after so many failures in a row, and not if one in between went well', () => {
    expect(after([bad(), bad(), task(), bad(), bad()])).toMatchObject({ status: 'closed', failures: 2 });
    expect(after([bad(), bad(), bad()])).toMatchObject({
      status: 'open',
      reason: '3 tasks in a row failed',
      until: T0 + 10_000,
    });
  });

  it.each([
    ['failed', { errorRate: 0.5 }, { ok: false }, '3 of the last 5 tasks failed, more than 50 %'],
    [
      'needed a person',
      { interventionRate: 0.4 },
      { intervened: true },
      '3 of the last 5 tasks needed a person, more than 40 %',
    ],
    [
      'were dear',
      { costPerTaskUsd: 1 },
      { costUsd: 2 },
      'the last 5 tasks cost 1.2 US dollars each on average, more than 1 US dollars',
    ],
  ])('when too many %s', (_what, of, off, reason) => {
    const mixed = [task(off), task(), task(off), task(), task(off)];
    expect(after(mixed.slice(0, 4), rules(of)).status).toBe('closed');
    expect(after(mixed, rules(of))).toMatchObject({ status: 'open', reason });
    expect(after(mixed).status).toBe('closed');
  });

  it('by what is within its window', () => {
    const of = rules({ errorRate: 0.5, windowTasks: 5, windowMinutes: 1, consecutiveFailures: 99 });
    const late = (event: typeof bad extends () => infer E ? E : never, at: number) => ({
      ...event,
      task: { ...event.task, at },
    });
    const old = after([bad(), bad(), bad(), bad()], of);
    expect(decideBreaker(old, late(bad(), T0 + 61_000), of, T0 + 61_000)).toMatchObject({
      status: 'closed',
      tasks: [{ ok: false }],
    });
    const many = after([...Array.from({ length: 7 }, () => task()), bad(), bad()], of);
    expect(many.tasks).toHaveLength(5);
    expect(after([bad()], of, T0, many).status).toBe('open');
  });

  it('by the tasks of one release, whatever another did before or beside it', () => {
    const of = rules({ errorRate: 0.5, windowTasks: 5, consecutiveFailures: 99 });
    const by = (releaseId: string, event: ReturnType<typeof task>) => ({ ...event, releaseId });
    const [old, fresh] = [
      (e: ReturnType<typeof task>) => by('old', e),
      (e: ReturnType<typeof task>) => by('new', e),
    ];
    // Four of five would be too many, had one release done them all.
    const both = [old(bad()), old(bad()), fresh(bad()), fresh(bad()), fresh(task())];
    expect(after(both, of).status).toBe('closed');
    // A candidate that seldom works keeps its own window beside the one that works much.
    const many = Array.from({ length: 7 }, () => old(task()));
    const state = after([...both, ...many], of);
    expect(state.tasks.filter(({ releaseId }) => releaseId === 'new')).toHaveLength(3);
    expect(state.tasks.filter(({ releaseId }) => releaseId === 'old')).toHaveLength(5);
    expect(after([fresh(bad()), fresh(bad())], of, T0, state)).toMatchObject({
      ...{ status: 'open', releaseId: 'new', reason: '4 of the last 5 tasks failed, more than 50 %' },
    });
  });

  it('for twice as long each time, up to its bound; a trial that went well begins anew', () => {
    const of = rules({ maxOpenSeconds: 30 });
    let state = after([bad(), bad(), bad()], of);
    const open: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const now = state.until as number;
      state = { ...decideBreaker(state, { type: 'due' }, of, now), trial: ref() };
      state = decideBreaker(state, bad(), of, now);
      open.push((state.until as number) - now);
    }
    expect(open).toEqual([20_000, 30_000, 30_000, 30_000]);
    const tried = { ...decideBreaker(state, { type: 'due' }, of, state.until as number), trial: ref() };
    expect(decideBreaker(tried, task(), of, T0)).toEqual(closedBreaker('a'));
  });
});

describe('on trial', () => {
  const trial: BreakerState = { ...closedBreaker('a'), status: 'half-open', trips: 1, trial: ref() };

  it('its own task decides, and no other', () => {
    expect(decideBreaker(trial, task({}, 2), rules(), T0)).toBe(trial);
    expect(decideBreaker(trial, bad(2), rules(), T0)).toBe(trial);
    expect(decideBreaker(trial, task(), rules(), T0).status).toBe('closed');
  });

  it('a dear task, or one that needed a person, counts as bad where that is judged', () => {
    const dear = task({ costUsd: 5, intervened: true });
    expect(decideBreaker(trial, dear, rules(), T0).status).toBe('closed');
    expect(decideBreaker(trial, dear, rules({ costPerTaskUsd: 1 }), T0).status).toBe('open');
    expect(decideBreaker(trial, dear, rules({ interventionRate: 1 }), T0).status).toBe('open');
  });

  it('without a verdict the next one is tried', () => {
    const next = decideBreaker(trial, { type: 'trial-void', ref: ref() }, rules(), T0);
    expect(next).toEqual({ ...closedBreaker('a'), status: 'half-open', trips: 1 });
  });
});

it('has words and entries for what changed', () => {
  const open = after([bad(), bad(), bad()]);
  expect(breakerText(open)).toBe(
    `the breaker of agent a is open: 3 tasks in a row failed; one task is tried at ${new Date(T0 + 10_000).toISOString()}; reveille breakers reset a closes it`,
  );
  expect(breakerText(closedBreaker('a'))).toBeUndefined();
  const half = decideBreaker(open, { type: 'due' }, rules(), T0 + 10_000);
  const entryOf = (from: BreakerState, to: BreakerState, event: BreakerEvent) =>
    breakerEntry(from, to, { at: T0, actor: 'engine', event });
  expect(entryOf(closedBreaker('a'), open, bad(3))).toMatchObject({
    action: 'breaker.opened',
    set: { status: 'open', until: T0 + 10_000 },
    was: { status: 'closed' },
    runId: 'run-3',
  });
  const halfOpened = entryOf(open, half, { type: 'due' });
  expect(halfOpened).toMatchObject({
    action: 'breaker.half-opened',
    set: { status: 'half-open', until: null },
    was: { status: 'open', until: T0 + 10_000 },
  });
  expect(halfOpened).not.toHaveProperty('runId');
  expect(entryOf(half, closedBreaker('a'), { type: 'reset' })).toMatchObject({ action: 'breaker.reset' });
  expect(entryOf(half, half, bad())).toBeUndefined();
});
