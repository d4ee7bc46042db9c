/** Builds that were asked for are followed to their end. */
import { Alerts } from '../../src/engine/alerts';
import { BuildFollower } from '../../src/engine/follow-builds';
import { Redeploys } from '../../src/engine/redeploy';
import type { EngineDeps } from '../../src/engine/context';
import type { Build, BuildStatus } from '../../src/platforms/builds';
import { PlatformError } from '../../src/platforms/platform';
import { createMemoryStore } from '../../src/store/memory';
import { VirtualClock } from '../simulation/clock';
import { EventEmitter } from 'node:events';

const T0 = Date.UTC(2026, 0, 5);
const silent = () => undefined;

function world() {
  const store = createMemoryStore();
  const clock = new VirtualClock(T0);
  const list: Build[] = [];
  const platform = { silent: false };
  let ids = 0;
  const deps = {
    store,
    clock,
    log: { debug: silent, info: silent, warn: silent, error: silent },
    newId: () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
    events: new EventEmitter(),
    registry: { findAgent: (id: string) => (id === 'alpha' ? { id, capsuleId: 'cap-alpha' } : undefined) },
    builds: {
      list: async () => {
        if (platform.silent) throw new PlatformError('unavailable', 'the platform does not answer');
        return [...list];
      },
      start: async () => {
        const build: Build = { id: `build-${list.length + 1}`, capsuleId: 'cap-alpha', status: 'building' };
        list.unshift(build);
        return build;
      },
      log: async () => [],
    },
  } as unknown as EngineDeps;
  const redeploys = new Redeploys(deps);
  const follower = new BuildFollower(deps, redeploys, new Alerts(deps));
  const ask = async () => {
    const result = await redeploys.start('alpha', { actor: 'test', force: true });
    if (result.kind !== 'started') throw new Error(result.kind);
    return result.build;
  };
  const becomes = (id: string, status: BuildStatus) => {
    const build = list.find((one) => one.id === id);
    if (build) build.status = status;
  };
  const told = async () =>
    (await store.ledger(0, 100))
      .map(({ body }) => JSON.parse(body) as { action: string; set: { status?: string } })
      .map(({ action }) => action);
  const open = async () => (await store.alerts({ open: true }, 10)).items;
  return { store, clock, platform, follower, ask, becomes, told, open };
}

it('writes down that a build succeeded, once, however many look', async () => {
  const { follower, ask, becomes, told, open } = world();
  const { id } = await ask();
  await follower.look();
  expect(await told()).toEqual(['redeploy.asked', 'redeploy.started']);
  becomes(id, 'succeeded');
  await Promise.all([follower.look(), follower.look()]);
  expect(await told()).toEqual(['redeploy.asked', 'redeploy.started', 'redeploy.succeeded']);
  expect(await open()).toEqual([]);
});

it('tells of a failed build, until one succeeds', async () => {
  const { follower, ask, becomes, open } = world();
  becomes((await ask()).id, 'failed');
  await follower.look();
  expect(await open()).toMatchObject([
    {
      kind: 'build-failed',
      subject: 'alpha',
      message: expect.stringMatching(/^build build-1 of alpha failed/) as string,
    },
  ]);
  becomes((await ask()).id, 'succeeded');
  await follower.look();
  expect(await open()).toEqual([]);
});

it('waits while the platform does not answer, and gives up what has no end', async () => {
  const { follower, ask, clock, platform, told, open } = world();
  await ask();
  platform.silent = true;
  await follower.look();
  expect(await open()).toEqual([]);
  await clock.runUntil(T0 + 2 * 3_600_000 + 1, silent);
  await follower.look();
  expect(await told()).toContain('redeploy.unknown');
  expect(await open()).toMatchObject([
    { message: expect.stringMatching(/no end after 120 minutes/) as string },
  ]);
});
