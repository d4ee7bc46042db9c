import type { RunView } from '../../api/types';
import { duration } from '../../parts/time';
import { SEGMENTS, timelineOf, type Lane, type Segment, type SegmentKind, type Timeline } from './timeline';

/** A segment narrower than this has no room for its word. */
const MIN_LABELLED = 0.07;
const TICKS = [0, 0.25, 0.5, 0.75, 1];

interface Props {
  run: RunView;
  now: number;
  choose: (stepId: string) => void;
}

export function Waterfall({ run, now, choose }: Props) {
  const timeline = timelineOf(run, now);
  const kinds = new Set(timeline.lanes.flatMap(({ segments }) => segments.map(({ kind }) => kind)));
  return (
    <div class="waterfall">
      <div class="axis" aria-hidden="true">
        {TICKS.map((part) => (
          <span key={part} style={{ left: `${part * 100}%` }}>
            {duration((timeline.to - timeline.from) * part)}
          </span>
        ))}
      </div>
      <ul>
        {timeline.lanes.map((lane) => (
          <LaneRow
            key={lane.stepId ?? ''}
            lane={lane}
            timeline={timeline}
            by={run.steps.find(({ id }) => id === lane.stepId)?.agentId ?? undefined}
            choose={choose}
          />
        ))}
      </ul>
      <p class="legend">
        {(Object.keys(SEGMENTS) as SegmentKind[])
          .filter((kind) => kinds.has(kind))
          .map((kind) => (
            <span key={kind}>
              <i class={`seg-${kind}`} aria-hidden="true" /> <strong>{kind}</strong> {SEGMENTS[kind]}
            </span>
          ))}
      </p>
    </div>
  );
}

interface LaneProps {
  lane: Lane;
  timeline: Timeline;
  /** The agent that it waits for. */
  by: string | undefined;
  choose: (stepId: string) => void;
}

function LaneRow({ lane: { stepId, segments }, timeline, by, choose }: LaneProps) {
  const told = segments.map((segment) => textOf(segment, by)).join(', ');
  return (
    <li>
      {stepId === undefined ? (
        <span class="lane-name">run</span>
      ) : (
        <button type="button" class="lane-name plain" title={stepId} onClick={() => choose(stepId)}>
          {stepId}
        </button>
      )}
      <div class="lane" role="img" aria-label={`${stepId ?? 'run'}: ${told || 'not begun'}`}>
        {segments.map((segment, i) => (
          <Bar key={i} segment={segment} timeline={timeline} by={by} />
        ))}
      </div>
    </li>
  );
}

type BarProps = Pick<LaneProps, 'timeline' | 'by'> & { segment: Segment };

function Bar({ segment, timeline: { from, to }, by }: BarProps) {
  const share = (segment.to - segment.from) / (to - from);
  const place = { left: `${((segment.from - from) / (to - from)) * 100}%`, width: `${share * 100}%` };
  return (
    <span
      class={`seg seg-${segment.kind} ${segment.open ? 'open' : ''}`}
      style={place}
      title={textOf(segment, by)}
    >
      {share >= MIN_LABELLED && segment.kind}
    </span>
  );
}

const textOf = ({ kind, from, to, open }: Segment, by?: string): string =>
  `${kind}${kind === 'held' && by !== undefined ? ` by ${by}` : ''} ${duration(to - from)}${open ? ' so far' : ''}`;
