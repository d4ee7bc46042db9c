/** The button that lets a run go on is read from the very sentences that the orchestrator says. */
import { mendOf } from '../../dashboard/src/parts/mend';
import { breakerText, closedBreaker } from '../../src/domain/breaker';
import { heldText } from '../../src/domain/budget';
import { switchText, type Switch } from '../../src/domain/guard/switch';

const ID = '3f0e8a52-1b7c-4d6e-9f21-0a1b2c3d4e5f';
const NOW = Date.parse('2026-03-02T12:00:00Z');
const off = (more: Partial<Switch> = {}): string =>
  switchText({
    ...{ id: ID, scope: 'agent', subject: 'writer', message: 'maintenance', owner: 'anna' },
    ...{ createdAt: NOW, ...more },
  });
const waits = (reason: string): string => `step draft waits for capsule-writer: ${reason}`;

it.each([
  ['a switch', off(), { kind: 'switch', id: ID }],
  ['a switch with an end', off({ expiresAt: NOW }), { kind: 'switch', id: ID }],
  [
    'an open breaker',
    breakerText({ ...closedBreaker('writer'), status: 'open', reason: 'five failed', until: NOW }),
    { kind: 'breaker', agentId: 'writer' },
  ],
  [
    'a budget',
    heldText(
      {
        budget: {
          ...{ measure: 'usd', scope: 'agent', subject: 'writer', period: 'day', limit: 5_000_000n },
        },
        ...{ key: '2026-03-02', spent: 5_000_000n, reserved: 0n, raised: 0n },
      },
      'UTC',
      NOW,
    ),
    { kind: 'budget' },
  ],
  ['a decision', `("Send it?"); reveille approve ${ID} releases it`, { kind: 'decision' }],
])('%s, alone and beside others', (_what, reason, mend) => {
  expect(reason).toBeDefined();
  expect(mendOf(waits(reason ?? ''))).toEqual(mend);
  expect(mendOf(`${waits(reason ?? '')}; 1 more step waits beside it`)).toEqual(mend);
  expect(mendOf(`${waits(reason ?? '')}; 3 more steps wait beside it`)).toEqual(mend);
});

it('is none where only time helps, and never what somebody else wrote into the sentence', () => {
  expect(mendOf('step draft waits for capsule-writer, which is waking')).toBeUndefined();
  const hint = `; reveille resume --switch ${ID} releases it`;
  const failed = `step draft: attempt 1 failed (no${hint}); the next begins at 2026-03-02T12:00:00Z`;
  expect(mendOf(failed)).toBeUndefined();
  const other = ID.replace('3f', '4f');
  expect(mendOf(waits(off({ message: `see${hint}`, id: other })))).toEqual({ kind: 'switch', id: other });
});
