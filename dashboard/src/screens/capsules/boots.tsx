/** The distribution of boot times of the shifts shown, with its median and p95. */
import type { Shift } from '../../api/types';
import { counted, duration } from '../../parts/time';
import { bootMs } from './capsule';
import { histogram, quantile } from './histogram';

export function Boots({ shifts }: { shifts: readonly Shift[] }) {
  const times = shifts.map(bootMs).filter((ms) => ms !== null);
  if (times.length === 0) return <p class="empty">None of these shifts got healthy.</p>;
  const bins = histogram(times);
  const most = Math.max(...bins.map(({ count }) => count));
  return (
    <>
      <p>
        Median <strong>{duration(quantile(times, 0.5))}</strong> · p95{' '}
        <strong>{duration(quantile(times, 0.95))}</strong>{' '}
        <span class="dim">of {counted(times.length, 'boot')}</span>
      </p>
      <ol class="bins" aria-label="Boots by how long they took">
        {bins.map(({ from, to, count }) => (
          <li key={from}>
            <span class="dim">
              {duration(from)} to {duration(to)}
            </span>
            <span class="bin">
              <span class="seg-boot" style={{ width: `${(count / most) * 100}%` }} />
            </span>
            <span>{count}</span>
          </li>
        ))}
      </ol>
    </>
  );
}
