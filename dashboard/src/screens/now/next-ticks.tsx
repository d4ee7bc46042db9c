/** The next fire times on a strip of 24 hours, and as a list. */
import type { Workflow } from '../../api/types';
import { duration, Time } from '../../parts/time';

const DAY_MS = 86_400_000;
const MAX_LISTED = 8;
const HOURS = [0, 6, 12, 18, 24];

export function NextTicks({ workflows }: { workflows: readonly Workflow[] }) {
  const now = Date.now();
  const ticks = workflows
    .flatMap(({ id, name, schedule }) =>
      (schedule?.next ?? []).map((at) => ({ id, name, at, zone: schedule?.timezone })),
    )
    .map((tick) => ({ ...tick, inMs: Date.parse(tick.at) - now }))
    .filter(({ inMs }) => inMs > 0 && inMs <= DAY_MS)
    .sort((a, b) => a.inMs - b.inMs);
  if (ticks.length === 0) return <p class="empty">Nothing is scheduled for the next 24 hours.</p>;
  return (
    <>
      <div class="strip" aria-hidden="true">
        {HOURS.map((hour) => (
          <span key={hour} class="hour" style={{ left: `${(hour / 24) * 100}%` }}>
            {hour === 0 ? 'now' : `+${hour} h`}
          </span>
        ))}
        {ticks.map(({ id, at, inMs, name }) => (
          <span
            key={`${id} ${at}`}
            class="tick"
            style={{ left: `${(inMs / DAY_MS) * 100}%` }}
            title={`${name} ${at}`}
          />
        ))}
      </div>
      <ul class="plain">
        {ticks.slice(0, MAX_LISTED).map(({ id, at, name, zone, inMs }) => (
          <li key={`${id} ${at}`}>
            <Time at={at} zone={zone} /> {zone !== undefined && <span class="dim">{zone}</span>}{' '}
            <strong>{name}</strong> <span class="dim">in {duration(inMs)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
