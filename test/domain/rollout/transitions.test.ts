/** Rollouts and instances: every event in every state, against tables and against the drawn diagrams. */
import { INSTANCE_EVENTS, INSTANCE_STATES, nextInstance } from '../../../src/domain/release/instance';
import { fold, patch } from '../../../src/domain/ledger';
import {
  decideRollout,
  isRolloutOver,
  newRollout,
  projectRollout,
  ROLLOUT_STATUSES,
  type Rollout,
  type RolloutEvent,
  type RolloutEventType,
  type RolloutStatus,
} from '../../../src/domain/rollout/rollout';
import {
  STRATEGIES,
  STRATEGY_DEFAULTS,
  type Stage,
  type Strategy,
} from '../../../src/domain/rollout/strategy';
import { EXACT } from '../../../src/domain/rollout/tolerance';
import { VERDICTS, type Verdict, type VerdictKind } from '../../../src/domain/rollout/verdict';
import { withApprovals } from '../../../src/domain/rollout/approval';
import { diagram, differences, Transitions } from '../state-machine';

const [CANDIDATE, INCUMBENT] = ['c'.repeat(64), 'i'.repeat(64)];
const EVIDENCE = 'e'.repeat(64);
const verdict = (kind: VerdictKind): Verdict => ({
  ...{ verdict: kind, reason: `it is ${kind}`, evidence: [EVIDENCE], at: 1, by: 'engine' },
});
const REPLAY: Stage = {
  ...{ kind: 'replay', tasks: 1, sinceMs: 1, withinMs: 1, margin: 0.5 },
  ...{ compare: ['output_equivalence'], tolerance: EXACT, where: 'capsule', unrecorded: 'refuse' },
};
const SHADOWED: Stage[] = [
  { kind: 'validate', withinMs: 1 },
  REPLAY,
  { kind: 'shadow', forMs: 1, compare: ['output_equivalence'] },
  ...STRATEGY_DEFAULTS['canary'].stages.slice(1),
  { kind: 'cleanup', withinMs: 1 },
];
const PLANS: Strategy[] = [
  ...STRATEGIES.map((s) => STRATEGY_DEFAULTS[s]),
  { name: 'canary', stages: SHADOWED, rollbackOn: [] },
  withApprovals({ name: 'canary', stages: SHADOWED, rollbackOn: [] }, 2),
];

const begin = (strategy: Strategy): Rollout =>
  newRollout({
    ...{ id: 'r', agentId: 'a', environment: 'prod', candidate: CANDIDATE, incumbent: INCUMBENT },
    ...{ strategy, createdAt: 0 },
  });

const eventsFor = ({ stage, round }: Rollout): RolloutEvent[] => [
  { type: 'start' },
  ...VERDICTS.map((v) => ({ type: 'verdict' as const, stage, round, verdict: verdict(v) })),
  { type: 'abort', reason: 'a person' },
  { type: 'retry' },
  { type: 'accept', verdict: verdict('pass') },
  { type: 'restored' },
  { type: 'frozen', frozen: { since: 1, metrics: [] } },
  { type: 'planned', round, plan: { tasks: [], removed: 0, forecast: { seconds: 0, costUsd: 0 } } },
  { type: 'approved', approval: { by: 'key:1', owner: 'ann', at: 2 } },
];
const labelOf = (event: RolloutEvent): string =>
  event.type === 'verdict' ? event.verdict.verdict : event.type;

interface Visit {
  before: Rollout;
  event: RolloutEvent;
  after: Rollout;
  commands: string[];
}

/** Everything that can be reached, with a stage repeated once at most. */
function explore(): Visit[] {
  const visits: Visit[] = [];
  const seen = new Set<string>();
  const open = PLANS.map(begin);
  for (let before = open.pop(); before; before = open.pop()) {
    const { status, stage, round, strategy } = before;
    const key = JSON.stringify([status, stage, round, PLANS.indexOf(strategy)]);
    if (seen.has(key) || round > 2) continue;
    seen.add(key);
    for (const event of eventsFor(before)) {
      const { state, commands } = decideRollout(before, event, 5);
      visits.push({ before, event, after: state, commands: commands.map((c) => c.type) });
      open.push(state);
    }
  }
  return visits;
}

const visits = explore();
const reached = new Transitions();
for (const v of visits) reached.add(v.before.status, labelOf(v.event), v.after.status);

const onward = 'gating shadow canary promoting done';
const TABLE: Record<RolloutStatus, Record<string, string>> = {
  pending: { start: 'gating promoting', abort: 'aborting' },
  gating: {
    pass: 'gating shadow canary promoting',
    fail: 'aborting',
    inconclusive: 'paused',
    abort: 'aborting',
  },
  shadow: { pass: 'canary done gating', fail: 'aborting', inconclusive: 'paused', abort: 'aborting' },
  canary: { pass: 'canary promoting', fail: 'aborting', inconclusive: 'paused', abort: 'aborting' },
  promoting: { pass: 'promoting done', fail: 'aborting', inconclusive: 'paused', abort: 'aborting' },
  paused: { retry: 'gating shadow canary promoting', accept: onward, abort: 'aborting' },
  aborting: { restored: 'rolled-back' },
  done: {},
  'rolled-back': {},
};
const LABELS = ['start', 'pass', 'fail', 'inconclusive', 'abort', 'retry', 'accept', 'restored', 'approved'];

describe('a rollout', () => {
  it.each(ROLLOUT_STATUSES.flatMap((s) => LABELS.map((l) => [s, l] as const)))(
    'that is %s, on %s',
    (s, l) => {
      expect(reached.from(s, l)).toEqual((TABLE[s][l] ?? s).split(' ').sort());
    },
  );

  it('is as docs/state-machine.md draws it', () => {
    const drawn = diagram('Rollout');
    expect(differences(drawn, reached.arrows())).toEqual([]);
    expect(drawn.boundaries).toEqual(['[*] --> pending', 'done --> [*]', 'rolled-back --> [*]']);
  });

  it('is promoted by passes alone: each stage has one, or a person who answers for it', () => {
    const done = visits.filter((v) => v.after.status === 'done' && v.before.status !== 'done');
    expect(done.length).toBeGreaterThan(PLANS.length);
    for (const { after } of done) {
      const passed = after.verdicts.filter((v) => v.verdict === 'pass').map((v) => v.stage);
      expect(passed).toEqual(after.strategy.stages.map((_, i) => i));
    }
  });

  it('is put back and told of by every abort, from everywhere but its end', () => {
    const aborts = visits.filter((v) => v.event.type === 'abort');
    const from = aborts.filter((v) => v.commands.includes('restore')).map((v) => v.before.status);
    const able = ROLLOUT_STATUSES.filter((s) => !isRolloutOver(s) && s !== 'aborting');
    expect([...new Set(from)].sort()).toEqual([...able].sort());
    expect(aborts.filter((v) => isRolloutOver(v.before.status) && v.after !== v.before)).toEqual([]);
  });

  it('that is aborted while its pointer moves is not promoted by the move that comes through', () => {
    const moving = visits.find((v) => v.after.status === 'promoting')?.after as Rollout;
    const { state: aborting } = decideRollout(moving, { type: 'abort', reason: 'stop' }, 2);
    const late = {
      type: 'verdict',
      stage: moving.stage,
      round: moving.round,
      verdict: verdict('pass'),
    } as const;
    expect(decideRollout(aborting, late, 3)).toEqual({ state: aborting, commands: [] });
    expect(decideRollout(aborting, { type: 'restored' }, 4).state.status).toBe('rolled-back');
  });

  it('takes no verdict of another stage or round, and no "accept" without a pass', () => {
    for (const { before } of visits) {
      const { stage, round } = before;
      const strays: RolloutEvent[] = [
        { type: 'verdict', stage: stage + 1, round, verdict: verdict('pass') },
        { type: 'verdict', stage, round: round + 1, verdict: verdict('fail') },
        { type: 'accept', verdict: verdict('inconclusive') },
      ];
      for (const stray of strays) expect(decideRollout(before, stray, 9).state).toBe(before);
    }
  });

  it('asks a person with what it knows, and its status is the fold of the ledger', () => {
    const paused = visits.find((v) => v.before.status === 'canary' && v.after.status === 'paused') as Visit;
    expect(paused.after.memo).toBe(
      `The canary of ${'c'.repeat(12)} against ${'i'.repeat(12)} could not tell: it is inconclusive. Evidence: ${'e'.repeat(12)}. Retry the stage, accept it, or abort.`,
    );
    for (const { before, after } of visits) {
      const entries = [
        { set: projectRollout(before) },
        { set: patch(projectRollout(before), projectRollout(after)) },
      ];
      expect(fold(entries)).toEqual(projectRollout(after));
    }
  });

  it('knows every event that the tables name', () => {
    const types: Record<RolloutEventType, true> = {
      ...{ start: true, verdict: true, abort: true, retry: true, accept: true, restored: true, frozen: true },
      ...{ approved: true, planned: true },
    };
    expect(new Set(visits.map((v) => v.event.type))).toEqual(new Set(Object.keys(types)));
  });
});

describe('an instance', () => {
  it('is as docs/state-machine.md draws it', () => {
    const done = new Transitions();
    for (const state of INSTANCE_STATES)
      for (const event of INSTANCE_EVENTS) done.add(state, event, nextInstance(state, event));
    const drawn = diagram('Instance');
    expect(differences(drawn, done.arrows())).toEqual([]);
    const ends = ['failed', 'rolled-back', 'stopped'].map((s) => `${s} --> [*]`);
    expect(drawn.boundaries).toEqual(['[*] --> validating', ...ends].sort());
  });
});
