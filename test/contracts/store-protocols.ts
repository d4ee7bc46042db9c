import { verifyChain } from '../../src/domain/ledger';
import { protocolEntry, type Protocol } from '../../src/domain/protocol/protocol';
import type { Store } from '../../src/store/store';
import { ALL, runId, T0 } from './store-fixtures';

const protocolOf = (n: number, more: Partial<Protocol> = {}): Protocol => ({
  ...{ id: runId(n), agents: ['crawler'], zone: 'UTC', startedAt: T0 + n, startedBy: 'key:1' },
  policy: {
    name: 'Week',
    phases: [{ name: 'A', days: 1, mode: 'supervised', capPercent: 50 }],
    criteria: { minSamples: 1 },
  },
  ...{ status: 'running', phase: 0, base: {}, seenAt: T0 + n, downtimes: [] },
  ...more,
});

export function protocolContract(open: () => Store): void {
  describe('protocols', () => {
    const about = { at: T0, actor: 'protocol' };
    const add = (protocol: Protocol) =>
      open().addProtocol(protocol, protocolEntry(undefined, protocol, { ...about, action: 'started' }));
    const end = (protocol: Protocol, version: number) =>
      open().saveProtocol(
        protocol,
        version,
        protocolEntry(undefined, protocol, { ...about, action: 'ended' }),
      );

    it('run one at a time, each change once, with its entry', async () => {
      await expect(open().runningProtocol()).resolves.toBeUndefined();
      const [first, second] = [protocolOf(1), protocolOf(2)];
      const begun = await Promise.all([add(first), add(second)]);
      expect(begun.sort()).toEqual([false, true]);
      const running = await open().runningProtocol();
      const { protocol = first, version = 0 } = running ?? {};
      await expect(open().protocol(protocol.id)).resolves.toEqual(running);
      const seen = { ...protocol, seenAt: T0 + 60 };
      await expect(open().saveProtocol(seen, version)).resolves.toBe(true);
      await expect(open().saveProtocol(seen, version)).resolves.toBe(false);
      const over = { ...seen, status: 'pass' as const, endedAt: T0 + 99 };
      await expect(end(over, version + 1)).resolves.toBe(true);
      await expect(open().runningProtocol()).resolves.toBeUndefined();
      // What is over stays as it is.
      await expect(end({ ...over, status: 'fail' }, version + 2)).resolves.toBe(false);
      await expect(open().protocol(protocol.id)).resolves.toMatchObject({ protocol: over });
      const next = protocolOf(3);
      await expect(add(next)).resolves.toBe(true);
      await expect(open().protocols(9)).resolves.toEqual([next, over]);
      await expect(open().protocols(1)).resolves.toEqual([next]);
      const ledger = await open().ledger(0, ALL);
      const actions = ledger.map(({ body }) => (JSON.parse(body) as { action: string }).action);
      expect(actions).toEqual(['protocol.started', 'protocol.ended', 'protocol.started']);
      expect(verifyChain(ledger)).toMatchObject({ ok: true });
    });
  });
}
