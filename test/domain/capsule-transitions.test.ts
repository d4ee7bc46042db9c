/** What each event makes of a capsule, in every state that can be reached: as a table, and its rules. */
import { CAPSULE_STATUSES, type CapsuleStatus } from '../../src/domain/capsule';
import { decideCapsule } from '../../src/domain/decide-capsule';
import {
  activities,
  contextAt,
  EVENT_TYPES,
  everyEvent,
  explore,
  partsOf,
  type EventType,
  type Visit,
} from './capsule-world';
import { diagram, differences, Transitions } from './state-machine';

/** Where a status may lead with an event, `=` for itself. Events that are not named leave it as it is. */
const TABLE: Record<CapsuleStatus, Partial<Record<EventType, string>>> = {
  asleep: {
    demand: '= waking',
    prewarmed: '= waking',
    'woken-by-hand': '= waking',
    stray: 'draining',
    due: '= waking',
  },
  waking: {
    cooled: '= draining',
    'sent-to-sleep': '= draining',
    healthy: '= awake',
    'wake-failed': 'draining',
    held: 'draining',
  },
  awake: { idle: '= draining', 'sent-to-sleep': '= draining', distrust: 'draining', gone: 'asleep' },
  draining: { observed: '= asleep' },
};

const visits: Visit[] = [];
const transitions = new Transitions();

beforeAll(() => {
  explore((visit) => {
    visits.push(visit);
    transitions.add(visit.before.status, visit.event.type, visit.decision.state.status);
  });
});

const cells = CAPSULE_STATUSES.flatMap((status) => EVENT_TYPES.map((event) => [status, event] as const));
it.each(cells)('a capsule that is %s, on %s', (status, event) => {
  const expected = (TABLE[status][event] ?? '=').split(' ').map((to) => (to === '=' ? status : to));
  expect(transitions.from(status, event)).toEqual(expected.sort());
});

it('is as docs/state-machine.md draws it', () => {
  expect(differences(diagram('Capsule'), transitions.arrows())).toEqual([]);
  expect(diagram('Capsule').boundaries).toEqual(['[*] --> asleep']);
});

/** Those visits that break a rule; the first few are enough to see why. */
const broken = (rule: (visit: Visit) => boolean) => visits.filter((visit) => !rule(visit)).slice(0, 3);

describe('in every state that can be reached', () => {
  it('asleep is only written when zero replicas were observed', () => {
    const observed = ({ event }: Visit) =>
      event.type === 'gone' || (event.type === 'observed' && event.running === 0);
    const fellAsleep = ({ before, decision }: Visit) =>
      decision.state.status === 'asleep' && before.status !== 'asleep';
    expect(visits.filter(fellAsleep).length).toBeGreaterThan(0);
    expect(broken((v) => !fellAsleep(v) || observed(v))).toEqual([]);
  });

  it('the generation rises by one with each wake and never otherwise', () => {
    const woke = ({ before, decision }: Visit) =>
      before.status === 'asleep' && decision.state.status === 'waking';
    expect(broken((v) => v.decision.state.generation - v.before.generation === (woke(v) ? 1 : 0))).toEqual(
      [],
    );
  });

  it('commands carry the generation of the state they were decided on', () => {
    const current = ({ decision: { state, commands } }: Visit) =>
      commands.every((c) => !('generation' in c) || c.generation === state.generation);
    expect(broken(current)).toEqual([]);
  });

  it('the commit of a first scale-down is refused while a lease is held, or for idleness asked for', () => {
    const scalesDown = ({ decision }: Visit) => decision.commands.some((c) => c.type === 'scale-down');
    const first = visits.filter((v) => scalesDown(v) && v.before.status !== 'draining');
    expect(first.length).toBeGreaterThan(0);
    for (const { event, decision } of first) {
      const unwanted =
        event.type === 'idle' || event.type === 'cooled' || (event.type === 'sent-to-sleep' && !event.force);
      expect(decision.unless).toBe(unwanted ? 'held-or-waiting' : 'held');
    }
    // Sent again while draining: nobody gets a lease any more, and those who had one have lost it.
    expect(
      broken((v) => !scalesDown(v) || v.before.status !== 'draining' || v.context.activity.held === 0),
    ).toEqual([]);
  });

  it('whatever is under way is taken over by somebody: it has a due time', () => {
    const underWay = ({ decision: { state } }: Visit) =>
      state.status === 'waking' || state.status === 'draining' || state.retryWakeAt !== undefined;
    expect(broken((v) => !underWay(v) || v.decision.state.dueAt !== undefined)).toEqual([]);
  });

  it('a shift is open exactly while the capsule is not asleep, strays aside', () => {
    const fits = ({ decision: { state } }: Visit) =>
      state.status === 'asleep' ? !state.shift : state.status === 'draining' || state.shift !== undefined;
    expect(broken(fits)).toEqual([]);
  });

  it('a shift that closes is split into parts that add up', () => {
    const closed = visits.flatMap(({ decision: { shift } }) => (shift?.split ? [shift] : []));
    expect(closed.length).toBeGreaterThan(0);
    for (const { split, acceptedAt, requestedAt, zeroAt } of closed) {
      const parts = split ? partsOf(split) : [];
      expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
      expect(parts.reduce((a, b) => a + b)).toBe((zeroAt ?? 0) - (acceptedAt ?? requestedAt));
    }
  });

  it('an unchanged state is the same, with nothing to do', () => {
    const same = ({ before, decision }: Visit) =>
      decision.changed || (decision.state === before && decision.commands.length === 0);
    expect(broken(same)).toEqual([]);
  });

  it('events of another generation change nothing', () => {
    const states = new Map(visits.map(({ before, context }) => [before, context.now]));
    for (const [state, now] of states) {
      for (const generation of [state.generation - 1, state.generation + 1]) {
        for (const event of everyEvent({ generation }, now).filter((e) => 'generation' in e)) {
          const [activity] = activities(now);
          if (!activity) throw new Error('no activity');
          expect(decideCapsule(state, event, contextAt(now, activity)).changed).toBe(false);
        }
      }
    }
  });
});
