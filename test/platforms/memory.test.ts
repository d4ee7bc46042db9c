import type { MemoryFaults, MemoryPlatformOptions } from '../../src/platforms/memory';
import { createMemoryPlatform } from '../../src/platforms/memory';
import { VirtualClock } from './virtual-clock';

function make(options: Partial<MemoryPlatformOptions> = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  const platform = createMemoryPlatform({
    capsules: ['cap-1'],
    now: () => clock.now,
    schedule: (ms, task) => clock.schedule(ms, task),
    random: () => 0,
    bootMs: 10_000,
    stopMs: 2_000,
    onStarted: (_capsuleId, bootId) => told.push(`${clock.now} ${bootId} started`),
    onEnding: (_capsuleId, bootId) => told.push(`${clock.now} ${bootId} ending`),
    ...options,
  });
  return { clock, platform, told };
}

describe('the in-memory platform', () => {
  it('boots and stops on the virtual clock, with a new boot each time', async () => {
    const { clock, platform, told } = make();
    await platform.scale('cap-1', 1);
    expect(platform.replicasOf('cap-1')).toEqual([{ bootId: 'boot-1', state: 'starting' }]);
    await clock.advance(10_000);
    expect(platform.replicasOf('cap-1')).toEqual([{ bootId: 'boot-1', state: 'running' }]);
    await platform.scale('cap-1', 0);
    // Woken while the old replica still terminates: both exist, and both count.
    await platform.scale('cap-1', 1);
    expect(await platform.observe('cap-1')).toEqual({ desired: 1, running: 2 });
    await clock.advance(10_000);
    expect(await platform.observe('cap-1')).toEqual({ desired: 1, running: 1 });
    expect(told).toEqual(['10000 boot-1 started', '10000 boot-1 ending', '20000 boot-2 started']);
  });

  it('never starts a replica that was ended while it booted', async () => {
    const { clock, platform, told } = make();
    await platform.scale('cap-1', 1);
    await platform.scale('cap-1', 0);
    await clock.advance(60_000);
    expect(told).toEqual(['0 boot-1 ending']);
  });

  it('boots a crashed process again, and one that dies at once again and again', async () => {
    const { clock, platform } = make();
    await platform.scale('cap-1', 1);
    await clock.advance(10_000);
    platform.crash('cap-1');
    await clock.advance(11_000);
    expect(platform.replicasOf('cap-1')).toEqual([{ bootId: 'boot-2', state: 'running' }]);
    platform.faults = { diesAtOnce: 1 };
    platform.crash('cap-1');
    await clock.advance(60_000);
    expect(platform.hits.diesAtOnce).toBeGreaterThan(4);
    expect(await platform.observe('cap-1')).toEqual({ desired: 1, running: 1 });
  });

  it.each([
    ['callLost', { kind: 'unavailable', mayHaveApplied: true }, 0],
    ['answerLost', { kind: 'unavailable', mayHaveApplied: true }, 1],
    ['rateLimited', { kind: 'rate-limited', mayHaveApplied: false }, 0],
    ['unavailable', { kind: 'unavailable', mayHaveApplied: false }, 0],
  ] as const)('%s: what the caller is told, and what is so', async (fault, error, desired) => {
    const { clock, platform } = make({ faults: { [fault]: 1 } satisfies MemoryFaults, timeoutMs: 5_000 });
    const refused = expect(platform.scale('cap-1', 1)).rejects.toMatchObject(error);
    await clock.advance(5_000);
    await refused;
    expect(platform.hits[fault]).toBe(1);
    platform.faults = {};
    expect((await platform.observe('cap-1')).desired).toBe(desired);
    const [call] = platform.calls;
    expect(call).toMatchObject({ at: 0, verb: 'scale', replicas: 1, outcome: error.kind });
    expect(call?.applied ?? false).toBe(desired === 1);
  });

  it('tells the state before the latest change in a stale read', async () => {
    const { platform } = make({ faults: { staleRead: 1 } });
    await platform.scale('cap-1', 1);
    expect(await platform.observe('cap-1')).toEqual({ desired: 0, running: 0 });
    expect(platform.hits.staleRead).toBe(1);
  });

  it('has replicas that never start', async () => {
    const { clock, platform, told } = make({ faults: { neverStarts: 1 } });
    await platform.scale('cap-1', 1);
    await clock.advance(600_000);
    expect(told).toEqual([]);
    await platform.scale('cap-1', 0);
    await clock.advance(2_000);
    expect(await platform.observe('cap-1')).toEqual({ desired: 0, running: 0 });
  });

  it('draws no chance for a fault that is off, so that a seed means the same course', async () => {
    let draws = 0;
    const { platform } = make({ random: () => ++draws && 1, faults: { rateLimited: 0.5 } });
    await platform.scale('cap-1', 1);
    await platform.observe('cap-1');
    expect(draws).toBe(2);
  });
});
