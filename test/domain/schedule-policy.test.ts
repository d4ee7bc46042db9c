import { durationSeconds, mergedPolicy, parsePolicy } from '../../src/domain/schedule';

describe('a policy as a line of text', () => {
  it('has a name for each field, and times with a unit', () => {
    expect(parsePolicy('overlap=queue, catch-up=last, window=7d, slack=5m, gap=skip, double=both')).toEqual({
      ok: true,
      policy: {
        overlap: 'queue',
        catchUp: { mode: 'latest', windowSeconds: 604_800 },
        slackSeconds: 300,
        dst: { gap: 'skip', double: 'both' },
      },
    });
    expect(parsePolicy('catchUp=none')).toEqual({ ok: true, policy: { catchUp: { mode: 'none' } } });
  });

  it.each([
    ['overlap=maybe', 'overlap is "maybe"', 'It is one of skip, queue, allow, replace'],
    ['overlaps=skip', 'a policy has no "overlaps"', 'Did you mean "overlap"?'],
    ['slack=soon', 'slack is "soon"', 'It is a time such as 90s, 5m, 2h or 7d'],
    ['slack=2h', 'slack is "2h"', 'It is at most 3600s'],
    ['slack=5m,slack=6m', 'slack is given twice', 'Keep one of them'],
    ['overlap', 'overlap is ""', 'It is one of skip, queue, allow, replace'],
    ['', 'a policy has no ""', 'Write it as overlap=queue,catchUp=latest,window=7d,slack=5m'],
    [
      '__proto__=1',
      'a policy has no "__proto__"',
      'Write it as overlap=queue,catchUp=latest,window=7d,slack=5m',
    ],
  ])('says what is wrong with %j', (text, problem, mend) => {
    expect(parsePolicy(text)).toEqual({ ok: false, problem, mend });
  });

  it('is no longer than anybody writes', () => {
    expect(parsePolicy('x'.repeat(501))).toMatchObject({
      problem: 'the policy is longer than 500 characters',
    });
  });

  it('counts seconds, minutes, hours and days', () => {
    expect(['90', '90s', '5m', '1.5h', '7d', '500ms', '-1', 'm', '1w'].map(durationSeconds)).toEqual([
      ...[90, 90, 300, 5_400, 604_800],
      ...[undefined, undefined, undefined, undefined],
    ]);
  });

  it('is laid over another field by field', () => {
    const below = { overlap: 'queue', catchUp: { mode: 'all', windowSeconds: 60 } } as const;
    expect(mergedPolicy(below, { catchUp: { mode: 'none' }, slackSeconds: 5 })).toEqual({
      overlap: 'queue',
      catchUp: { mode: 'none', windowSeconds: 60 },
      slackSeconds: 5,
    });
  });
});
