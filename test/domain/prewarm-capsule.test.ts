/** A capsule that is awake ahead of work, and scheduled runs placed within their slack. */
import { asleep } from '../../src/domain/capsule';
import { decideCapsule, reasonsAwake } from '../../src/domain/decide-capsule';
import { placedTicks, placeKey, placements, type Placeable } from '../../src/domain/placement';
import { Schedule } from '../../src/domain/schedule';
import { addWarm, warmId } from '../../src/domain/warm';
import { contextAt } from './capsule-world';
import { T, MINUTE, idle } from './prewarm-support';

describe('a capsule that is awake ahead of work', () => {
  const tick = { workflowId: 'nightly', scheduledFor: T };
  const start = { ...asleep('c', 'a'), bootMs: [4_800] };
  const woken = decideCapsule(
    start,
    { type: 'prewarmed', for: tick, until: T + 5_000, reason: 'due 09:00' },
    contextAt(T - 5_000, idle),
  );
  const healthy = (at: number) =>
    decideCapsule(
      woken.state,
      { type: 'healthy', generation: 1, at, release: 'v7' },
      contextAt(at, { ...idle, idleSince: at }),
    ).state;

  it('is woken under a new generation, with the reason in its shift', () => {
    expect(woken.commands).toEqual([{ type: 'scale-up', generation: 1 }]);
    expect(woken.state).toMatchObject({ status: 'waking', shift: { prewarm: 'due 09:00' } });
  });

  it('stays awake until the reason ends by itself, and then at once sleeps', () => {
    const awake = healthy(T - 200);
    expect(awake).toMatchObject({ release: 'v7', dueAt: T + 5_000 });
    const context = (now: number) => contextAt(now, { ...idle, idleSince: T - 200 });
    expect(reasonsAwake(awake, context(T))).toEqual([expect.stringMatching(/due 09:00.*5000 ms/)]);
    expect(decideCapsule(awake, { type: 'idle' }, context(T + 4_999)).changed).toBe(false);
    expect(decideCapsule(awake, { type: 'idle' }, context(T + 5_000)).state.status).toBe('draining');
  });

  it('counts the time before its first work as prewarm, all of it when none came', () => {
    const awake = healthy(T - 200);
    const close = (more: object, lastWorkAt?: number) => {
      const now = T + 1_000;
      const activity = { ...idle, ...more, ...(lastWorkAt !== undefined && { lastWorkAt }) };
      const draining = decideCapsule(
        { ...awake, warm: [] },
        { type: 'idle' },
        { ...contextAt(now, activity), lingerMs: 0 },
      ).state;
      return decideCapsule(
        draining,
        { type: 'observed', generation: 1, running: 0 },
        contextAt(now + 300, activity),
      ).shift?.split;
    };
    expect(close({ firstWorkAt: T + 50, workMs: 800, idleSince: T + 850 }, T + 850)).toEqual({
      bootMs: 0,
      prewarmMs: 250,
      workMs: 800,
      lingerMs: 150,
      drainMs: 300,
    });
    expect(close({ idleSince: T - 200 })).toMatchObject({ prewarmMs: 1_200, workMs: 0, lingerMs: 0 });
  });

  it('goes back to sleep when its work will not come, also out of its boot', () => {
    const cooled = { type: 'cooled' as const, for: tick, reason: 'skipped' };
    const booting = decideCapsule(
      woken.state,
      { type: 'scaled-up', generation: 1, at: T - 4_900 },
      contextAt(T - 4_900, idle),
    ).state;
    const decision = decideCapsule(booting, cooled, contextAt(T - 4_000, idle));
    expect(decision).toMatchObject({
      state: { status: 'draining', shift: { endReason: 'skipped' } },
      commands: [{ type: 'scale-down', generation: 1 }],
      unless: 'held-or-waiting',
    });
    const wanted = decideCapsule(booting, cooled, contextAt(T - 4_000, { ...idle, waiting: 1 }));
    expect(wanted).toMatchObject({ state: { status: 'waking' }, commands: [] });
    expect(wanted.state.warm).toBeUndefined();
  });

  it('is not woken while a failed wake rests, nor on its way to sleep', () => {
    const event = { type: 'prewarmed' as const, for: tick, until: T + 5_000, reason: 'due 09:00' };
    const resting = { ...start, retryWakeAt: T + 1, dueAt: T + 1 };
    expect(decideCapsule(resting, event, contextAt(T, idle))).toMatchObject({
      changed: false,
      state: resting,
    });
    const draining = { ...start, status: 'draining' as const, dueAt: T };
    expect(decideCapsule(draining, event, contextAt(T, idle)).changed).toBe(false);
  });

  it('holds a bounded number of reasons, each once', () => {
    let warm = addWarm({}, { for: tick, until: T + 1, reason: 'first' }, T);
    expect(addWarm({ warm: warm ?? [] }, { for: tick, until: T + 1, reason: 'again' }, T)).toBeUndefined();
    for (let i = 0; i < 100; i += 1)
      warm = addWarm(
        { warm: warm ?? [] },
        { for: { runId: 'r', stepId: `${i}` }, until: T + 10 + i, reason: '' },
        T,
      );
    expect(warm).toHaveLength(50);
    expect(warm?.map((w) => warmId(w.for))).not.toContain(warmId(tick));
  });
});

describe('placing scheduled runs within their slack', () => {
  const placeable = (
    workflowId: string,
    cron: string,
    slackSeconds: number,
    capsules = ['c'],
  ): Placeable => ({
    workflowId,
    schedule: Schedule.parse({ cron, slackSeconds }),
    capsules,
  });
  const at = (placed: Map<string, number>, id: string, tick: number) =>
    placed.get(placeKey(id, tick)) ?? tick;

  it('begins together what uses the same capsule and may wait', () => {
    const placed = placements([placeable('early', '0 9 * * *', 600), placeable('late', '5 9 * * *', 0)], T);
    expect(at(placed, 'early', T)).toBe(T + 5 * MINUTE);
    expect(placed.size).toBe(1);
  });

  it('makes nobody wait who has nothing to share', () => {
    const others = [placeable('other', '5 9 * * *', 0, ['d']), placeable('later', '11 9 * * *', 0)];
    expect(placements([placeable('early', '0 9 * * *', 600), ...others], T).size).toBe(0);
  });

  it('brings three together through the one whose capsules both use', () => {
    const placed = placements(
      [
        placeable('a', '0 9 * * *', 600, ['x']),
        placeable('b', '4 9 * * *', 600, ['x', 'y']),
        placeable('c', '8 9 * * *', 600, ['y']),
      ],
      T,
    );
    for (const [id, tick] of [
      ['a', 0],
      ['b', 4],
    ] as const)
      expect(at(placed, id, T + tick * MINUTE)).toBe(T + 8 * MINUTE);
  });

  it('keeps every run within its slack and before the next of its own', () => {
    const all = [
      placeable('often', '*/2 * * * *', 3_600),
      placeable('odd', '1-59/3 * * * *', 240),
      placeable('rare', '7 * * * *', 0),
    ];
    const placed = placements(all, T);
    expect(placed.size).toBeGreaterThan(0);
    for (const [key, beginsAt] of placed) {
      const [id = '', tick = ''] = key.split('@');
      const slack = (all.find((p) => p.workflowId === id)?.schedule.slackSeconds ?? 0) * 1_000;
      expect(beginsAt).toBeGreaterThan(Number(tick));
      expect(beginsAt - Number(tick)).toBeLessThanOrEqual(slack);
      if (id === 'often') expect(beginsAt - Number(tick)).toBeLessThan(2 * MINUTE);
    }
  });

  it('decides a tick at its place, on time however much slack it used', () => {
    const { schedule } = placeable('early', '0 9 * * *', 600);
    const placeOf = (tick: number) => tick + 5 * MINUTE;
    expect(placedTicks(schedule, T - 1, T + MINUTE, placeOf)).toEqual({ due: [], heldUntil: T + 5 * MINUTE });
    expect(placedTicks(schedule, T - 1, T + 5 * MINUTE + 7, placeOf)).toEqual({
      due: [{ scheduledFor: T, action: 'fire', reason: 'on-time', lateMs: 7 }],
    });
  });

  it('decides what was missed before a tick that waits', () => {
    const { schedule } = placeable('early', '0 9 * * *', 600);
    const decided = placedTicks(schedule, T - 86_400_000 - 1, T + MINUTE, (tick) => tick + 5 * MINUTE);
    expect(decided.due).toMatchObject([
      { scheduledFor: T - 86_400_000, action: 'skip', reason: 'superseded' },
    ]);
    expect(decided.heldUntil).toBe(T + 5 * MINUTE);
  });
});
