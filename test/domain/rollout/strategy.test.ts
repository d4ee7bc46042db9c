/** Strategies as people write them: the shapes of the field, and mistakes that name their place and mend. */
import { parse } from 'yaml';
import { parseStrategy } from '../../../src/domain/rollout/parse-strategy';
import {
  badShare,
  CANARY_DEADLINE_MS,
  STRATEGIES,
  STRATEGY_DEFAULTS,
  stageProblems,
} from '../../../src/domain/rollout/strategy';

const read = (yaml: string) => parseStrategy(parse(yaml));
const stagesOf = (yaml: string) => {
  const parsed = read(yaml);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.strategy.stages;
};

it('reads blue-green with its times', () => {
  expect(
    stagesOf(
      'deployment: {strategy: blue-green, stages: [validate: 30s, warm_up: 60s, switch: instant, cleanup: 300s]}',
    ),
  ).toEqual([
    { kind: 'validate', withinMs: 30_000 },
    { kind: 'warm-up', withinMs: 60_000 },
    { kind: 'switch' },
    { kind: 'cleanup', withinMs: 300_000 },
  ]);
});

it('reads a canary with its weights and limits', () => {
  const parsed = read(`
deployment:
  strategy: canary
  stages:
    - validate: 30s
    - canary: 5%
    - canary: { weight: 25%, for: 10m, tasks: 40, deadline: 3d }
    - full: 100%
  rollback_on:
    - error_rate > 1%
    - p99_latency > 100ms
    - p90_cost > $0.25
  cost_cap: 25 usd
`);
  expect(parsed).toMatchObject({ ok: true, strategy: { name: 'canary', costCapUsd: 25 } });
  if (!parsed.ok) return;
  expect(parsed.strategy.stages.slice(1)).toEqual([
    { kind: 'canary', weight: 5, forMs: 0, tasks: 20, deadlineMs: CANARY_DEADLINE_MS },
    { kind: 'canary', weight: 25, forMs: 600_000, tasks: 40, deadlineMs: 259_200_000 },
    { kind: 'switch' },
  ]);
  expect(parsed.strategy.rollbackOn).toMatchObject([
    { kind: 'rate', metric: 'error', above: 0.01 },
    { kind: 'quantile', metric: 'latency', quantile: 0.99, above: 100 },
    { kind: 'quantile', metric: 'cost', quantile: 0.9, above: 0.25 },
  ]);
  const shares = parsed.strategy.rollbackOn.map(badShare);
  [0.01, 0.01, 0.1].forEach((share, i) => expect(shares[i]).toBeCloseTo(share, 12));
});

it('reads a shadow, which moves no work', () => {
  expect(stagesOf('{strategy: shadow, duration: 1h, compare: [output_equivalence, resource_usage]}')).toEqual(
    [
      { kind: 'validate', withinMs: 60_000 },
      { kind: 'shadow', forMs: 3_600_000, compare: ['output_equivalence', 'resource_usage'] },
    ],
  );
});

it.each(STRATEGIES)('has defaults for %s that hold to the rules', (strategy) => {
  expect(stagesOf(`strategy: ${strategy}`)).toEqual(STRATEGY_DEFAULTS[strategy].stages);
  expect(stageProblems(STRATEGY_DEFAULTS[strategy].stages)).toEqual([]);
});

it.each([
  ['just text', 'deployment', 'is no object: write `strategy: canary`'],
  [
    'deployment: {strategy: blau}',
    'deployment.strategy',
    'is to be one of direct, blue-green, canary, shadow',
  ],
  ['{strategy: direct, stage: []}', 'stage', 'is not known here: use strategy, stages'],
  ['{strategy: canary, stages: []}', 'stages', 'is empty: leave it out'],
  ['{strategy: canary, stages: canary}', 'stages', 'is to be a list of stages like - canary: 5%'],
  ['{strategy: canary, stages: [canary: 150%, full: 100%]}', 'stages[0].canary', 'write e.g. 5%'],
  ['{strategy: canary, stages: [canary: 5%]}', 'stages', 'never moves the pointer: end with `- full: 100%`'],
  ['{strategy: canary, stages: [full: 100%]}', 'stages', 'has no canary stage: add `- canary: 5%`'],
  ['{strategy: canary, stages: [canary: 25%, canary: 5%, full: 100%]}', 'stages[1]', 'let weights rise'],
  ['{strategy: canary, stages: [canary: 5%, validate: 3s, full: 100%]}', 'stages[1]', 'put it before'],
  [
    '{strategy: canary, stages: [canary: {weight: 5%, taks: 3}, full: 100%]}',
    'stages[0].canary.taks',
    'use weight',
  ],
  [
    '{strategy: canary, stages: [canary: {weight: 5%, tasks: 0}, full: 100%]}',
    'stages[0].canary.tasks',
    'whole number',
  ],
  [
    '{strategy: canary, stages: [canary: {weight: 5%, for: 9d}, full: 100%]}',
    'stages[0].canary.deadline',
    'more time',
  ],
  ['{strategy: direct, stages: [full: 50%]}', 'stages[0].full', 'put smaller shares into canary stages'],
  ['{strategy: direct, stages: [switch: 5m]}', 'stages[0].switch', 'is to be `instant`'],
  ['{strategy: direct, stages: [valdate: 3s]}', 'stages[0].valdate', 'is no stage: use validate'],
  ['{strategy: direct, stages: [validate: soon, full: 100%]}', 'stages[0].validate', 'write a time like 30s'],
  ['{strategy: direct, stages: [validate: 91d, full: 100%]}', 'stages[0].validate', '90 days at most'],
  ['{strategy: direct, cost_cap: 5}', 'cost_cap', 'is for the canary strategy'],
  ['{strategy: canary, cost_cap: much}', 'cost_cap', 'is no amount: write US dollars'],
  ['{strategy: direct, duration: 1h}', 'duration', 'is for the shadow strategy'],
  ['{strategy: direct, compare: [resource_usage]}', 'compare', 'leave it out'],
  ['{strategy: shadow, compare: [looks]}', 'compare[0]', 'is to be one of output_equivalence'],
  ['{strategy: shadow, stages: [shadow: 1h, full: 100%]}', 'stages', 'moves no work'],
  ['{strategy: direct, rollback_on: [errors > 1%]}', 'rollback_on[0]', 'write error_rate'],
  ['{strategy: direct, rollback_on: [error_rate > 0.01]}', 'rollback_on[0]', 'write e.g. error_rate > 1%'],
  [
    '{strategy: direct, rollback_on: [p99_latency > 100]}',
    'rollback_on[0]',
    'write e.g. p99_latency > 100ms',
  ],
  ['{strategy: direct, rollback_on: [p97_latency > 100ms]}', 'rollback_on[0]', 'is not known here'],
  ['{strategy: direct, rollback_on: [p90_cost > cheap]}', 'rollback_on[0]', 'write e.g. p90_cost > 0.10'],
])('%s: says what is wrong at its place', (yaml, at, message) => {
  const parsed = read(yaml);
  if (parsed.ok) throw new Error('it was taken');
  const found = parsed.problems.find((p) => p.at === at);
  expect(found?.message).toContain(message);
});
