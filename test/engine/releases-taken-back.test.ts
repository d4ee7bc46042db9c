/** What people are told of a release that was taken back, whoever did it, and what is known of work whose end nobody noted. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import type { Strategy } from '../../src/domain/rollout/strategy';
import { AGENT, BY, ENVIRONMENT, openWorld, releaseOf, type World } from './releases-world';

const [A, B, C] = [releaseOf(1), releaseOf(0xabc), releaseOf(3)];
const short = (id: string): string => id.slice(0, 12);

async function worldOf(...[work = () => ({}), ...more]: Partial<Parameters<typeof openWorld>>) {
  const world = await openWorld(work, ...more);
  for (const release of [A, B, C]) await world.add(release);
  await world.direct(A);
  return world;
}
const alertsOf = async ({ store }: World) =>
  (await store.alerts({}, 10)).items.filter((a) => a.kind === 'rollout-aborted');
const back = (world: World, reason?: string) =>
  world.told(world.engine.rollouts.rollback(AGENT, ENVIRONMENT, { ...BY, ...(reason && { reason }) }));

it("tells a person's rollback with the exact difference, each by itself", async () => {
  const world = await worldOf();
  await world.direct(B);
  expect(await back(world, 'it is too brief')).toEqual({ kind: 'rolled-back', releaseId: A.id });
  const alert = await world.until(async () => (await alertsOf(world))[0]);
  expect(alert.message).toBe(
    `release ${short(B.id)} of writer is taken back from development, ${short(A.id)} works again: ` +
      'a person rolled it back: it is too brief. ' +
      'It differed in: code changed from 000000000000 to 000000000000, config n changed from 1 to 2748.',
  );
  // Another release takes the alert away; the next rollback is told anew.
  await world.direct(C);
  expect((await alertsOf(world))[0]).toMatchObject({ resolution: 'another release works' });
  await back(world);
  const all = await world.until(async () => {
    const found = await alertsOf(world);
    return found.length === 2 ? found : undefined;
  });
  const open = all.filter((a) => a.resolvedAt === undefined);
  expect(open.map((a) => a.message)).toEqual([
    expect.stringContaining('a person rolled it back. It differed'),
  ]);
});

it('tells of a move whose process died before it could', async () => {
  let isDead = true;
  const world = await worldOf(undefined, undefined, undefined, (store) => {
    const raise = store.raiseAlert.bind(store);
    // All that comes after the move.
    store.raiseAlert = async (alert, ...more) => {
      if (isDead && alert.kind === 'rollout-aborted') throw new Error('it is gone');
      return raise(alert, ...more);
    };
  });
  await world.direct(B);
  await back(world, 'it is too brief');
  expect(await alertsOf(world)).toEqual([]);
  isDead = false;
  await world.pass(20_000);
  expect(await alertsOf(world)).toEqual([]);
  const alert = await world.until(async () => (await alertsOf(world))[0]);
  expect(alert.message).toContain(`release ${short(B.id)} of writer is taken back from development`);
  expect(alert.message).toContain('a person rolled it back: it is too brief. It differed in: code');
  // Told is told.
  await world.pass(600_000);
  expect(await alertsOf(world)).toMatchObject([{ count: 1 }]);
});

it('tells what works where a rollback during a rollout moved the pointer as well', async () => {
  const world = await worldOf();
  await world.direct(B);
  const asked: Strategy = {
    ...{ name: 'direct', rollbackOn: [] },
    stages: [{ kind: 'approval', quorum: 1, withinMs: 600_000 }, { kind: 'switch' }],
  };
  const id = await world.roll(C, asked);
  expect(await back(world)).toEqual({ kind: 'rolled-back', releaseId: A.id });
  expect(await world.settled(id)).toMatchObject({ status: 'rolled-back', abortedFor: 'rolled back' });
  const all = await world.until(async () => {
    const found = await alertsOf(world);
    return found.length === 2 ? found : undefined;
  });
  const heads = all.map((a) => a.message.split(':')[0]).sort();
  const gone = (release: string) =>
    `release ${short(release)} of writer is taken back from development, ${short(A.id)} works again`;
  expect(heads).toEqual([gone(B.id), gone(C.id)].sort());
});

it('notes an incident with the work of a process that died before it could', async () => {
  let lost = 0;
  const world = await worldOf(
    ({ config }: AgentRunRequest): Partial<AgentRunResult> =>
      config.releaseId === B.id
        ? { actions: [{ type: 'post', platform: 'web', at: '2026-01-05T00:00:00.000Z', reach: 500 }] }
        : {},
    {},
    undefined,
    (store) => {
      const endWork = store.endWork.bind(store);
      store.endWork = (work) =>
        work.releaseId === B.id && (lost += 1) === 1 ? Promise.resolve() : endWork(work);
    },
  );
  await world.direct(B);
  await world.run();
  const [work] = await world.until(async () => {
    const all = await world.store.workOfRelease(B.id, 9);
    return all[0]?.ended ? all : undefined;
  });
  expect(lost).toBeGreaterThan(1);
  expect(work?.ended).toMatchObject({ outcome: 'success', violated: true });
});
