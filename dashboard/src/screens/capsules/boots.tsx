/** How long a capsule takes to boot: each release by itself, where its agent tells it. */
import type { Capsule } from '../../api/types';
import { counted, duration } from '../../parts/time';
import { histogram } from './histogram';

type Boot = Capsule['boot'];

export function Boots({ boot }: { boot: Boot }) {
  if (boot.samples === 0) return <p class="empty">It has not booted yet.</p>;
  const { byRelease } = boot;
  if (byRelease.length === 0) return <Times times={boot} name="Boots by how long they took" />;
  return (
    <>
      {byRelease.map((each, i) => (
        <section key={each.release} aria-label={`Release ${each.release}`}>
          <h3>
            Release <code>{each.release.slice(0, 16)}</code> {i === 0 && <span class="dim">booted last</span>}
          </h3>
          <Times times={each} name={`Boots of release ${each.release} by how long they took`} />
        </section>
      ))}
    </>
  );
}

function Times({ times, name }: { times: Omit<Boot, 'byRelease'>; name: string }) {
  const { medianMs, p95Ms, samples, timesMs } = times;
  const bins = histogram(timesMs);
  const most = Math.max(...bins.map(({ count }) => count));
  return (
    <>
      <p>
        Median <strong>{duration(medianMs)}</strong> · p95 <strong>{duration(p95Ms)}</strong>{' '}
        <span class="dim">of the last {counted(samples, 'boot')}</span>
      </p>
      <ol class="bins" aria-label={name}>
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
