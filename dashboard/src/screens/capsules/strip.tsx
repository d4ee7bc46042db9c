/** When it was awake: a strip from the oldest shift shown to now. */
import type { Shift } from '../../api/types';
import { counted, duration, fullTime, Time } from '../../parts/time';

export function ShiftStrip({ shifts }: { shifts: readonly Shift[] }) {
  const from = Math.min(...shifts.map(({ requestedAt }) => Date.parse(requestedAt)));
  const to = Math.max(...shifts.map(({ zeroAt }) => (zeroAt === null ? Date.now() : Date.parse(zeroAt))));
  const span = Math.max(1, to - from);
  const awake = shifts.reduce((sum, shift) => sum + lengthOf(shift), 0);
  return (
    <>
      <div
        class="shift-strip"
        role="img"
        aria-label={`${counted(shifts.length, 'shift')} within ${duration(span)}, awake for ${duration(awake)}`}
      >
        {shifts.map((shift) => (
          <span
            key={shift.generation}
            title={`Shift ${shift.generation}, ${fullTime(shift.requestedAt)}, ${duration(lengthOf(shift))}`}
            style={{
              left: `${((Date.parse(shift.requestedAt) - from) / span) * 100}%`,
              width: `${(lengthOf(shift) / span) * 100}%`,
            }}
          />
        ))}
      </div>
      <p class="row dim">
        <Time at={new Date(from).toISOString()} />
        <span>
          awake {duration(awake)} of {duration(span)}, {Math.round((awake / span) * 100)} %
        </span>
        <Time at={new Date(to).toISOString()} />
      </p>
    </>
  );
}

const lengthOf = ({ requestedAt, zeroAt }: Shift): number =>
  (zeroAt === null ? Date.now() : Date.parse(zeroAt)) - Date.parse(requestedAt);
