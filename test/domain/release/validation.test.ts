/** The rules of the pipeline: what is demanded of a release, what verdicts come to, what a release may cost. */
import { DEFAULT_POLICY } from '../../../src/domain/release/environment';
import type { ReleaseChange } from '../../../src/domain/release/diff';
import { compareProfiles, type Profile } from '../../../src/domain/release/profile';
import {
  demandsOf,
  findingsOf,
  givesWork,
  isValidated,
  withValidation,
  type Demand,
  type ReportedStage,
  type StageVerdict,
  type ValidationStage,
} from '../../../src/domain/release/validation';
import { STRATEGY_DEFAULTS } from '../../../src/domain/rollout/strategy';

const change = (part: ReleaseChange['part']): ReleaseChange => ({ part, name: 'x', kind: 'changed' });
const env = (name: string, demands: ValidationStage[] = []) => ({
  name,
  policy: { ...DEFAULT_POLICY, demands },
});

describe('what is demanded', () => {
  it.each([
    ['a prompt changed in production', env('production'), [change('prompt')], ['evals!']],
    ['a model changed in production', env('prod'), [change('model')], ['evals!']],
    ['its code changed', env('production'), [change('code')], []],
    ['it is the first', env('production'), undefined, []],
    ['a prompt changed elsewhere', env('staging'), [change('prompt')], []],
    ['the policy lists it', env('staging', ['sandbox', 'evals']), undefined, ['sandbox', 'evals']],
    ['both', env('production', ['evals', 'resources']), [change('model')], ['resources', 'evals!']],
  ])('where %s', (_what, where, changes, expected) => {
    const found = demandsOf(where, changes).map((d) => `${d.stage}${d.strict ? '!' : ''}`);
    expect(found).toEqual(expected);
  });

  it('is asked before work is given, in production by any strategy', () => {
    expect(givesWork(STRATEGY_DEFAULTS.direct)).toBe(true);
    expect(givesWork(STRATEGY_DEFAULTS.shadow)).toBe(false);
    expect(
      [env('development'), env('production'), env('staging', ['evals'])].map((e) => isValidated(e)),
    ).toEqual([...[false, true, true]]);
    expect(withValidation(STRATEGY_DEFAULTS.direct).stages.map((s) => s.kind)).toEqual([
      'validate',
      'switch',
    ]);
    expect(withValidation(STRATEGY_DEFAULTS.canary)).toBe(STRATEGY_DEFAULTS.canary);
  });
});

const verdict = (stage: ReportedStage, more: Partial<StageVerdict> = {}): StageVerdict => ({
  ...{ id: '1', releaseId: 'a'.repeat(64), stage, verdict: 'pass', reason: 'well' },
  ...{ evidence: 'b'.repeat(64), durationMs: 1, at: 1, by: 'key:1' },
  ...more,
});
const MB = 1_000_000;
const profile = (more: Partial<Profile> = {}): Profile => ({
  ...{ bootMs: 1_000, cpuMs: 1_000, peakRssBytes: 100 * MB, machine: 'one' },
  ...more,
});

describe('the gate', () => {
  const strict: Demand = { stage: 'evals', strict: true, why: 'model 1 changed' };
  const listed: Demand = { stage: 'evals', strict: false, why: 'the policy of staging' };
  const found = (demand: Demand, ...verdicts: StageVerdict[]) =>
    findingsOf([demand], 'a'.repeat(64), verdicts, [])[0];

  it.each([
    ['nothing, where nobody may answer for it', strict, [], 'fail'],
    ['nothing', listed, [], 'inconclusive'],
    ['a pass', strict, [verdict('evals')], 'pass'],
    ['a pass of another stage', listed, [verdict('sandbox')], 'inconclusive'],
    ['no verdict either way', strict, [verdict('evals', { verdict: 'inconclusive' })], 'fail'],
    [
      'no verdict either way, elsewhere',
      listed,
      [verdict('evals', { verdict: 'inconclusive' })],
      'inconclusive',
    ],
    ['a failure', listed, [verdict('evals', { verdict: 'fail' })], 'fail'],
    [
      'a failure after a pass',
      listed,
      [verdict('evals'), verdict('evals', { verdict: 'fail', at: 2 })],
      'fail',
    ],
    [
      'a pass after a failure',
      strict,
      [verdict('evals', { at: 2 }), verdict('evals', { verdict: 'fail' })],
      'pass',
    ],
  ] as const)('makes of %s a verdict', (_what, demand, verdicts, expected) => {
    expect(found(demand, ...verdicts)?.verdict).toBe(expected);
  });

  it('says how a verdict is come by', () => {
    expect(found(strict)?.message).toBe(
      'there is no verdict, and it is demanded (model 1 changed): reveille release validate aaaaaaaaaaaa --folder <its folder>',
    );
  });

  it('compares what was measured with what is stable there, by its own tolerance', () => {
    const demand: Demand = { stage: 'resources', strict: false, why: 'p' };
    const mine = [verdict('resources', { profile: profile({ peakRssBytes: 140 * MB }) })];
    const theirs = [verdict('resources', { profile: profile() })];
    const judged = (tolerance?: number) => findingsOf([demand], 'a'.repeat(64), mine, theirs, tolerance)[0];
    expect(judged()).toMatchObject({
      verdict: 'fail',
      message: expect.stringMatching(/140 MB of memory after 100 MB/) as string,
    });
    expect(judged(50)?.verdict).toBe('pass');
  });
});

describe('what a release may cost', () => {
  const compare = (more: Partial<Profile>, before: Profile | undefined = profile()) =>
    compareProfiles(profile(more), before).verdict;

  it.each<[string, Partial<Profile>, string]>([
    ['the same', {}, 'pass'],
    ['a quarter more', { bootMs: 1_250, cpuMs: 1_250, peakRssBytes: 125 * MB }, 'pass'],
    ['slower to boot', { bootMs: 1_260 }, 'fail'],
    ['more work', { cpuMs: 1_260 }, 'fail'],
    ['more memory', { peakRssBytes: 126 * MB }, 'fail'],
    ['less', { bootMs: 1, cpuMs: 1, peakRssBytes: MB }, 'pass'],
    ['measured elsewhere: times tell nothing', { machine: 'two', bootMs: 9_000 }, 'inconclusive'],
    ['measured elsewhere, and too large for any machine', { machine: 'two', peakRssBytes: 200 * MB }, 'fail'],
  ])('%s', (_what, more, expected) => {
    expect(compare(more)).toBe(expected);
  });

  it('takes no noise for a difference, and nothing for a comparison', () => {
    const small = profile({ bootMs: 50, cpuMs: 40, peakRssBytes: 20 * MB });
    expect(compareProfiles({ ...small, bootMs: 190, cpuMs: 180, peakRssBytes: 27 * MB }, small).verdict).toBe(
      'pass',
    );
    expect(compareProfiles({ ...small, bootMs: 210 }, small).verdict).toBe('fail');
    expect(compareProfiles(small, undefined)).toMatchObject({
      verdict: 'pass',
      reason: expect.stringMatching(/nothing|no profile/) as string,
    });
  });
});
