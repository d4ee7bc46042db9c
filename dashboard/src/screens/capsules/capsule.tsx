/** One capsule: its shifts over time, how long it takes to boot, and each shift in its parts. */
import { capsuleShown } from '../../../../src/domain/status';
import { withQuery } from '../../api/client';
import { onCapsule, useQuery } from '../../api/query';
import type { Capsule, Page, Shift } from '../../api/types';
import { Badge } from '../../parts/badge';
import { Bar, Legend } from '../../parts/bar';
import { CapsuleActions } from '../../parts/capsule-actions';
import { Pager } from '../../parts/pager';
import { QueryView } from '../../parts/query-view';
import { SPLIT_LEGEND, splitParts } from '../../parts/split';
import { Table } from '../../parts/table';
import { counted, duration, msBetween, Time } from '../../parts/time';
import { usePlace } from '../../router';
import { Boots } from './boots';
import { ReplicasSeen } from './drift';
import { ShiftStrip } from './strip';

const PAGE = 50;

export function CapsuleScreen({ id }: { id: string }) {
  const { query } = usePlace();
  const capsules = useQuery<Page<Capsule>>('/capsules', { when: onCapsule });
  const path = withQuery('/shifts', { capsuleId: id, cursor: query.cursor, limit: String(PAGE) });
  const shifts = useQuery<Page<Shift>>(path, { when: onCapsule });
  const capsule = capsules.data?.items.find((one) => one.id === id);
  return (
    <>
      <p class="crumbs">
        <a href="/app/capsules">Capsules</a>
      </p>
      <h1>
        {capsule?.agentId ?? id} {capsule && <Badge shown={capsuleShown(capsule.status)} />}
      </h1>
      <QueryView query={capsules}>
        {() =>
          capsule ? (
            <>
              <p class="dim">
                {id} · {counted(capsule.generation, 'shift')}
                {capsule.reasonsAwake.length > 0 && ` · awake for ${capsule.reasonsAwake.join(', ')}`}
              </p>
              <p>
                Replicas: <ReplicasSeen replicas={capsule.replicas} />
              </p>
              <CapsuleActions capsule={capsule} reload={capsules.reload} />
              <h2>How long it takes to boot</h2>
              <Boots boot={capsule.boot} />
            </>
          ) : (
            <p>There is no such capsule.</p>
          )
        }
      </QueryView>
      <QueryView query={shifts} isEmpty={({ items }) => items.length === 0} empty="It has no shift yet.">
        {({ items, nextCursor }) => (
          <>
            <h2>Shifts over time</h2>
            <ShiftStrip shifts={items} />
            <h2>Shifts</h2>
            <Shifts shifts={items} />
            <Legend parts={SPLIT_LEGEND} />
            <Pager cursor={query.cursor} next={nextCursor} />
          </>
        )}
      </QueryView>
    </>
  );
}

function Shifts({ shifts }: { shifts: readonly Shift[] }) {
  const longest = Math.max(...shifts.map(({ billedMs }) => billedMs ?? 0));
  return (
    <Table
      name="Shifts"
      columns={['Shift', 'Woken', 'Boot', 'Billed', { title: 'Where it went', wide: true }, 'Ended because']}
    >
      {shifts.map((shift) => (
        <tr key={shift.generation}>
          <td>{shift.generation}</td>
          <td>
            <Time at={shift.requestedAt} />
          </td>
          <td>{duration(bootMs(shift))}</td>
          <td>{shift.billedMs === null ? 'under way' : duration(shift.billedMs)}</td>
          <td>{shift.split && <ShiftBar shift={shift} whole={longest} />}</td>
          <td>{shift.endReason ?? '–'}</td>
        </tr>
      ))}
    </Table>
  );
}

const bootMs = ({ acceptedAt, healthyAt }: Shift): number | null =>
  acceptedAt === null || healthyAt === null ? null : msBetween(acceptedAt, healthyAt);

function ShiftBar({ shift: { generation, split }, whole }: { shift: Shift; whole: number }) {
  if (!split) return null;
  const { bootMs: boot, prewarmMs: prewarm, workMs: work, lingerMs: linger, drainMs: drain } = split;
  const parts = splitParts({ boot, prewarm, work, linger, drain });
  return <Bar name={`Shift ${generation}`} parts={parts} whole={whole} />;
}
