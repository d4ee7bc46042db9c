/** Every run that does not move says why, in every state that the rules can lead to. */
import { CAPSULE_STATUSES, asleep } from '../../src/domain/capsule';
import { why, type CapsuleSeen, type RunFlow, type WhySeen } from '../../src/domain/flow';
import { isTerminal, type RunState } from '../../src/domain/run';
import { explore, freshRun } from './run-world';

const OTHER = '00000000-0000-4000-8000-00000000000a';
const nothing: WhySeen = {
  now: 0,
  capsules: new Map(),
  use: { held: new Map(), fullAtUs: new Map() },
  underWay: new Map(),
  active: [],
  children: new Map(),
  keys: new Map(),
};
const capsule = (more: Partial<CapsuleSeen> = {}, state: object = {}): CapsuleSeen => ({
  state: { ...asleep('cap', 'agent'), status: 'awake', ...state },
  slots: 1,
  holders: [],
  ahead: [],
  ...more,
});

/** An agent is at work for it, or is being given its job for the first time. */
const moves = (run: RunState): boolean =>
  run.status === 'running' &&
  run.steps.some(
    (s) => (s.status === 'running' && !s.silentChecks) || (s.status === 'dispatching' && (s.sends ?? 0) < 2),
  );

it('has a sentence for each state in which a run does not move, and none for any other', () => {
  const seen = { silent: 0, told: 0 };
  const kinds = new Set<string>();
  explore(({ before }) => {
    const said = why(before, nothing);
    if (isTerminal(before.status) || moves(before)) {
      seen.silent += 1;
      if (said !== null) throw new Error(`${said}: ${JSON.stringify(before)}`);
      return;
    }
    seen.told += 1;
    // One sentence with a name in it and no hole.
    const named = before.steps.some((s) => said?.includes(s.id)) || said?.includes(before.id);
    if (said === null || !named || /undefined|null|NaN|a time that is not set|\n/.test(said)) {
      // A wake that nobody has begun yet has no end to tell.
      throw new Error(`${String(said)}: ${JSON.stringify(before)}`);
    }
    for (const s of before.steps) if (said.includes(s.id)) kinds.add(s.status);
  });
  expect(seen.silent).toBeGreaterThan(1_000);
  expect(seen.told).toBeGreaterThan(1_000);
  expect([...kinds]).toEqual(
    expect.arrayContaining(['waiting', 'dispatching', 'running', 'parked', 'backing-off']),
  );
});

describe('a step that waits for a capsule', () => {
  const waiting = freshRun({
    status: 'running',
    steps: [
      { id: 'first', status: 'waiting', attempt: 1, capsuleId: 'cap', dueAt: 60_000, history: [] },
      { id: 'second', status: 'pending', attempt: 0, history: [] },
    ],
  });
  const told = (seen: CapsuleSeen) => why(waiting, { ...nothing, capsules: new Map([['first', seen]]) });

  it('names who holds its slots, and when they are over at the latest', () => {
    const holders = [{ runId: OTHER, stepId: 'analyse', deadline: 30_000 }];
    expect(told(capsule({ holders }))).toBe(
      `step first waits for cap: 1 of 1 slot held by run ${OTHER}; it is released when step analyse ends, or at 1970-01-01T00:00:30.000Z when its time is over`,
    );
    const two = [...holders, { runId: waiting.id, stepId: 'x' }];
    expect(told(capsule({ slots: 2, holders: two }))).toMatch(
      /2 of 2 slots held by run .*, run .*one of their steps/,
    );
  });

  it('names who is before it in line', () => {
    const ahead = [{ runId: OTHER, stepId: 'write' }];
    expect(told(capsule({ ahead }))).toMatch(`step in line before it (first: step write of run ${OTHER})`);
    expect(told(capsule())).toMatch('which has a free slot');
  });

  it('tells of a wake, a back-off and a drain', () => {
    const shift = { capsuleId: 'cap', agentId: 'agent', generation: 1, requestedAt: 1_000 };
    expect(told(capsule({}, { status: 'waking', shift, wakeDeadline: 9_000 }))).toBe(
      'step first waits for cap, which is waking since 1970-01-01T00:00:01.000Z; it goes on when its agent answers, or the wake is given up at 1970-01-01T00:00:09.000Z',
    );
    expect(told(capsule({}, { status: 'asleep' }))).toMatch('which is asleep');
    expect(told(capsule({}, { status: 'draining' }))).toMatch('being put to sleep');
    expect(told(capsule({}, { status: 'draining', retryWakeAt: 5_000, lastError: 'no answer' }))).toMatch(
      'whose last wake failed (no answer); it is woken again at 1970-01-01T00:00:05.000Z',
    );
  });

  it.each(CAPSULE_STATUSES)('has words for a capsule that is %s', (status) => {
    expect(told(capsule({}, { status }))).toMatch(/^step first waits for cap\b.+;/);
  });
});

describe('a run that waits to start', () => {
  const flow: RunFlow = { gates: [{ id: 'audit', limit: 2, onLimit: 'queue' }], turn: '' };
  const told = (of: RunFlow | undefined, seen: Partial<WhySeen> = {}) =>
    why(freshRun(of ? { flow: of } : {}), { ...nothing, ...seen });
  const full = { use: { held: new Map([['audit', 2]]), fullAtUs: new Map<string, number>() } };

  it('names the runs that have its place', () => {
    const underWay = new Map([['audit', [OTHER, 'x', 'y', 'z']]]);
    expect(told(flow, { ...full, underWay })).toBe(
      `queued: 2 of 2 runs of workflow audit are under way (run ${OTHER}, run x, run y and 1 more); it starts when one of them ends and its turn comes`,
    );
  });

  it('tells of rates, of quiet, of its schedule, and of nothing', () => {
    const rate = { id: 'audit', limit: 1, perMs: 1_000 };
    const empty = { use: { held: new Map<string, number>(), fullAtUs: new Map([['audit', 1_000_000]]) } };
    expect(told({ gates: [], turn: '', rate }, empty)).toMatch('may start at 1970-01-01T00:00:01.000Z');
    expect(told({ gates: [], turn: '', notBefore: 7_000 })).toMatch('until 1970-01-01T00:00:07.000Z');
    expect(told(undefined, { active: [OTHER] })).toMatch(
      `run ${OTHER} is under way; it starts when that ends`,
    );
    expect(told(undefined)).toMatch('nothing is before run');
    expect(told(flow)).toMatch('nothing holds run');
  });

  it.each(['skip', 'cancel-oldest'] as const)('says what comes of it under %s', (onLimit) => {
    const of = { ...flow, gates: [{ id: 'audit', limit: 2, onLimit }] };
    expect(told(of, full)).toMatch(onLimit === 'skip' ? 'it is skipped' : 'the oldest is cancelled');
  });
});
