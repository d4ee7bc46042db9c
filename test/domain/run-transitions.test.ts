/** What each event makes of a step and of a run, in every state that can be reached: as tables. */
import { decideRun } from '../../src/domain/decide-run';
import {
  RUN_STATUSES,
  STEP_STATUSES,
  isTerminal,
  type RunStatus,
  type StepStatus,
} from '../../src/domain/run';
import { contextAt, EVENT_TYPES, explore, straysOf, type EventType, type Visit } from './run-world';
import { diagram, differences, Transitions } from './state-machine';

/** Where a status may lead with an event, `=` for itself. Events that are not named leave it as it is. */
type Row = Partial<Record<EventType, string>>;

const STEP_TABLE: Record<StepStatus, Row> = {
  pending: {
    start: '= waiting dispatching parked',
    cancel: 'parked skipped',
    due: '= parked skipped',
  },
  waiting: {
    slot: 'dispatching',
    result: 'succeeded backing-off failed',
    'wake-failed': 'backing-off failed',
    cancel: 'cancelled',
    due: '= backing-off failed',
  },
  dispatching: {
    accepted: 'running',
    'send-failed': '= backing-off failed',
    result: 'succeeded backing-off failed',
    lost: '= waiting failed',
    evicted: 'waiting backing-off failed',
    held: 'waiting',
    cancel: 'cancelled',
    due: '= backing-off failed',
  },
  running: {
    result: 'succeeded backing-off failed',
    lost: 'waiting dispatching failed',
    checked: '= backing-off failed',
    evicted: 'waiting dispatching failed',
    cancel: 'cancelled',
    due: '= backing-off failed',
  },
  parked: {
    result: 'succeeded backing-off failed',
    'child-ended': '= backing-off failed',
    cancel: 'cancelled',
    due: '= succeeded backing-off failed cancelled',
  },
  'backing-off': { cancel: 'cancelled', due: '= waiting dispatching parked failed' },
  succeeded: {},
  failed: {},
  cancelled: {},
  skipped: {},
};

const RUN_TABLE: Record<RunStatus, Row> = {
  queued: { start: 'running', cancel: 'cancelled', due: '= failed' },
  running: {
    'send-failed': '= failed',
    result: '= succeeded failed cancelled',
    'child-ended': '= failed',
    lost: '= failed',
    checked: '= failed',
    evicted: '= failed',
    'wake-failed': '= failed',
    cancel: '= succeeded failed cancelled',
    due: '= failed cancelled',
  },
  succeeded: {},
  failed: {},
  cancelled: {},
};

const reached = {
  /** By events that speak of the step itself, or of the whole run. */
  steps: new Transitions(),
  runs: new Transitions(),
  /** By any event: the end of one step begins the next, or ends the others. */
  allSteps: new Transitions(),
};

/** One visit of each combination of statuses and attempts. */
const shapes = new Map<string, Visit>();

function note(visit: Visit): void {
  const { before, event, decision } = visit;
  if (event.type === 'due')
    shapes.set(JSON.stringify([before.status, before.steps.map((s) => [s.status, s.attempt])]), visit);
  reached.runs.add(before.status, event.type, decision.state.status);
  before.steps.forEach((step, index) => {
    const to = decision.state.steps[index]?.status ?? 'gone';
    reached.allSteps.add(step.status, event.type, to);
    if (!('stepId' in event) || event.stepId === step.id) reached.steps.add(step.status, event.type, to);
  });
}

beforeAll(() => void explore(note));

describe.each([
  ['step', STEP_STATUSES, STEP_TABLE, () => reached.steps],
  ['run', RUN_STATUSES, RUN_TABLE, () => reached.runs],
] as const)('a %s', (_what, statuses, table, found) => {
  const cells = statuses.flatMap((status) => EVENT_TYPES.map((event) => [status, event] as const));
  it.each(cells)('that is %s, on %s', (status, event) => {
    const row = (table as Record<string, Row>)[status] ?? {};
    const expected = (row[event] ?? '=').split(' ').map((to) => (to === '=' ? status : to));
    expect(found().from(status, event)).toEqual(expected.sort());
  });
});

it('is as docs/state-machine.md draws it', () => {
  expect(differences(diagram('Step'), reached.allSteps.arrows())).toEqual([]);
  expect(differences(diagram('Run'), reached.runs.arrows())).toEqual([]);
});

it('begins and ends where the diagrams say', () => {
  const ends = RUN_STATUSES.filter(isTerminal).map((s) => `${s} --> [*]`);
  expect(diagram('Run').boundaries).toEqual(['[*] --> queued', ...ends].sort());
  const stepEnds = ['succeeded', 'failed', 'cancelled', 'skipped'].map((s) => `${s} --> [*]`);
  expect(diagram('Step').boundaries).toEqual(['[*] --> pending', ...stepEnds].sort());
});

it('does nothing on events of other attempts and of steps there are not', () => {
  const touched: object[] = [];
  for (const { before, now } of shapes.values()) {
    for (const event of straysOf(before)) {
      const { state, outcome, leases, commands } = decideRun(before, event, contextAt(now, true));
      // A late result is noted in its attempt's record, and nowhere else.
      const untouched =
        outcome === 'late' || (state === before && ['unchanged', 'duplicate'].includes(outcome));
      if (!untouched || leases.length + commands.length > 0) touched.push({ before, event, outcome });
    }
  }
  expect(touched).toEqual([]);
  expect(shapes.size).toBeGreaterThan(100);
});
