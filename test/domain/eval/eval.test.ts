/** Evaluations: what a suite may hold, what an attempt comes to, and when it may be said that a release passed. */
import fc from 'fast-check';
import { checkAttempt, type CheckOutcome, type Delivered } from '../../../src/domain/eval/attempt';
import { scoreCase, scoreSuite, verdictOfEvals, type CaseScore } from '../../../src/domain/eval/score';
import { suiteOf, type Case, type Check } from '../../../src/domain/eval/suite';

const delivered = (more: Partial<Delivered> = {}): Delivered => ({
  ...{ status: 'success', output: { greetings: ['Hello, Ada!'], count: 1 }, durationMs: 5, costUsd: 0 },
  models: [],
  ...more,
});
const rule = { rule: { path: 'output.count', equals: 1 } } as const;
const judge = { judge: { question: 'Is it kind?' } } as const;
const one = (more: object = {}) => ({ name: 'a', input: {}, checks: [rule], ...more });

describe('a suite', () => {
  it('has defaults: every case, once, without effects', () => {
    const suite = suiteOf({ cases: [one({ checks: [judge] })] }, 'evals/greets.yaml');
    expect(suite).toMatchObject({ name: 'greets', threshold: 1, repeats: 1, dryRun: true });
    expect(suite.cases[0]?.checks[0]).toEqual({ judge: { question: 'Is it kind?', atLeast: 0.7 } });
  });

  it.each([
    ['no cases', { cases: [] }],
    ['a case without checks', { cases: [one({ checks: [] })] }],
    ['a word that is not known', { cases: [one()], treshold: 0.5 }],
    ['a check of two kinds', { cases: [one({ checks: [{ ...rule, ...judge }] })] }],
    [
      'a rule with two operators',
      { cases: [one({ checks: [{ rule: { path: 'output', equals: 1, exists: true } }] })] },
    ],
    ['a rule without an operator', { cases: [one({ checks: [{ rule: { path: 'output' } }] })] }],
    ['a threshold of nothing', { cases: [one()], threshold: 0 }],
    ['a threshold over all', { cases: [one()], threshold: 1.1 }],
    [
      'a judge who is never content',
      { cases: [one({ checks: [{ judge: { question: 'x', atLeast: 2 } }] })] },
    ],
    ['two cases of one name', { cases: [one(), one()] }],
    ['more passes than repeats', { cases: [one({ repeats: 2, passes: 3 })] }],
    ['endless repeats', { cases: [one({ repeats: 1000 })] }],
    ['a list', [one()]],
  ])('is refused with %s', (_what, value) => {
    expect(() => suiteOf(value, 'evals/a.json')).toThrow();
  });
});

describe('an attempt', () => {
  const check = (value: Check, of = delivered(), judged?: Parameters<typeof checkAttempt>[3]) =>
    checkAttempt(value, { input: { name: 'Ada' } }, of, judged);

  it.each<[string, Check, boolean, RegExp]>([
    ['a rule that holds', { rule: { path: 'output.greetings.0', equals: 'Hello, Ada!' } }, true, /holds/],
    [
      'one that does not',
      { rule: { path: 'output.count', atLeast: 2 } },
      false,
      /^output.count is 1, not atLeast 2$/,
    ],
    ['one about nothing', { rule: { path: 'output.nothing', exists: true } }, false, /is nothing/],
    ['one about the input', { rule: { path: 'input.name', equals: 'Ada' } }, true, /holds/],
    ['one about how it ended', { rule: { path: 'status', equals: 'error' } }, false, /status is "success"/],
    ['several as one', { rule: { not: { path: 'output.count', equals: 1 } } }, false, /does not hold/],
    [
      'a schema that fits',
      { schema: { type: 'object', required: ['count'], properties: { count: { type: 'integer' } } } },
      true,
      /fits/,
    ],
    [
      'a schema that does not',
      { schema: { type: 'object', properties: { count: { type: 'string' } }, required: ['count', 'more'] } },
      false,
      /count: .*string/,
    ],
  ])('is looked at by %s', (_what, value, holds, message) => {
    const outcome = check(value);
    expect(outcome.holds).toBe(holds);
    expect(outcome.message).toMatch(message);
  });

  it('is judged by the score, and not known where nobody judged', () => {
    const asked: Check = { judge: { question: 'Is it kind?', atLeast: 0.7 } };
    const said = (score: number) => check(asked, delivered(), { score, reason: 'so', mode: 'replay' });
    expect(said(0.7)).toMatchObject({ holds: true });
    expect(said(0.69)).toMatchObject({ holds: false });
    expect(said(0.69)).not.toHaveProperty('unknown');
    expect(check(asked)).toMatchObject({ holds: false, unknown: true });
    expect(check(asked, delivered(), { failed: 'no key' })).toMatchObject({
      unknown: true,
      message: expect.stringMatching(/no key/) as string,
    });
  });
});

const held: CheckOutcome = { kind: 'rule', holds: true, message: 'it holds' };
const missed: CheckOutcome = { kind: 'rule', holds: false, message: 'no' };
const open: CheckOutcome = { kind: 'judge', holds: false, unknown: true, message: 'nobody judged' };
const attempts = (...all: CheckOutcome[][]) => all.map((checks) => ({ delivered: delivered(), checks }));
const score = (of: ReturnType<typeof attempts>, more: Partial<Case> = {}) =>
  scoreCase({ name: 'a', input: {}, checks: [rule], ...more }, of, of.length);

describe('a case', () => {
  it.each([
    ['held each time', attempts([held], [held]), {}, { passed: true, flaky: false, unknown: false }],
    ['held never', attempts([missed], [missed]), {}, { passed: false, flaky: false, unknown: false }],
    ['held once of two', attempts([held], [missed]), {}, { passed: false, flaky: true, unknown: false }],
    ['as often as needed', attempts([held], [missed]), { passes: 1 }, { passed: true, flaky: true }],
    ['not judged', attempts([held, open]), {}, { passed: false, flaky: false, unknown: true }],
    ['not judged, and wrong besides', attempts([missed, open]), {}, { passed: false, unknown: false }],
    [
      'not judged where it matters no more',
      attempts([open], [held]),
      { passes: 1 },
      { passed: true, unknown: false },
    ],
    ['never done', attempts(), { passes: 1 }, { passed: false, flaky: false, unknown: false }],
  ])('%s', (_what, of, more, expected) => {
    expect(score(of, more)).toMatchObject(expected);
  });
});

const caseOf = (more: Partial<CaseScore>): CaseScore => ({
  ...{ name: 'a', passed: true, flaky: false, unknown: false, problems: [] },
  times: { held: 1, of: 1, needed: 1 },
  ...more,
});
const suite = (cases: CaseScore[], threshold = 1) =>
  scoreSuite({ ...suiteOf({ cases: [one()], threshold }, 'evals/greets.json') }, cases);

describe('the verdict', () => {
  const manifest = { models: [{ provider: 'anthropic', model: 'sonnet', snapshot: 'sonnet-20260101' }] };
  const by = (provider: string, model: string) => delivered({ models: [{ provider, model }] });
  const verdict = (cases: CaseScore[], answered: Delivered[] = [], judgedBy: string[] = [], threshold = 1) =>
    verdictOfEvals([suite(cases, threshold)], answered, judgedBy, manifest);

  it('is none without evals: nothing is neither good nor bad', () => {
    expect(verdictOfEvals([], [], [], manifest)).toMatchObject({ verdict: 'inconclusive' });
  });

  it.each([
    ['all passed', [caseOf({})], 1, 'pass'],
    ['one failed of two', [caseOf({}), caseOf({ passed: false })], 1, 'fail'],
    ['as many as wanted', [caseOf({}), caseOf({ passed: false })], 0.5, 'pass'],
    ['one is not known', [caseOf({}), caseOf({ passed: false, unknown: true })], 1, 'inconclusive'],
    [
      'one is not known, and it is enough',
      [caseOf({}), caseOf({ passed: false, unknown: true })],
      0.5,
      'pass',
    ],
    [
      'one is not known, and it cannot be enough',
      [caseOf({ passed: false }), caseOf({ passed: false, unknown: true })],
      1,
      'fail',
    ],
  ])('%s', (_what, cases, threshold, expected) => {
    expect(verdict(cases, [], [], threshold)).toMatchObject({ verdict: expected });
  });

  it.each([
    ['by the release’s model', by('anthropic', 'sonnet'), [], 'pass'],
    ['by its snapshot, replayed', by('replay', 'sonnet-20260101'), ['replay'], 'pass'],
    ['by another model', by('replay', 'haiku'), [], 'inconclusive'],
    ['by a made-up one', by('fake', 'fake'), [], 'inconclusive'],
    ['judged by a made-up one', delivered(), ['fake'], 'inconclusive'],
  ])('of answers %s', (_what, answered, judgedBy, expected) => {
    expect(verdict([caseOf({})], [answered], judgedBy)).toMatchObject({ verdict: expected });
  });

  it('names what failed, and what is flaky', () => {
    const cases = [caseOf({ flaky: true }), caseOf({ name: 'b', passed: false, problems: ['rule: no'] })];
    expect(verdict(cases).reason).toBe('greets: 1 of 2 passed, flaky: a; b: rule: no');
  });

  it('never gets better when a case gets worse', () => {
    const rank = { pass: 2, inconclusive: 1, fail: 0 };
    const states = fc.constantFrom('passed', 'unknown', 'failed');
    const scored = (all: string[]) =>
      all.map((s) => caseOf({ passed: s === 'passed', unknown: s === 'unknown' }));
    fc.assert(
      fc.property(
        fc.array(states, { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (all, threshold) => {
          const worse = all.map((s, i) => (i === 0 ? 'failed' : s));
          const [before, after] = [
            verdict(scored(all), [], [], threshold),
            verdict(scored(worse), [], [], threshold),
          ];
          expect(rank[after.verdict]).toBeLessThanOrEqual(rank[before.verdict]);
        },
      ),
    );
  });
});
