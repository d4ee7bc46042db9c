/** What every scaffold does with `replayCalls` and `unrecorded`, in any language: the same cases for each. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';

type Call = [name: string, params: unknown];
type Config = Pick<AgentRunRequest['config'], 'replayCalls' | 'unrecorded'>;

/**
 * Of a job that calls these tools one after the other, each of which gives `'asked'`, and returns as `text` the JSON
 * of what it got, with `failed: …` for what was thrown; its fault `lets-it-through` throws that on.
 */
export type CallTools = (calls: Call[], config: object, fault?: string) => Promise<AgentRunResult>;

const OF = '00000000-0000-0000-0000-000000000001/2';
const BEST: Call = ['search', { q: 'best', page: { of: 3, no: 1 } }];
const recorded = ([name, params]: Call, end: { result: unknown } | { error: string }) => ({
  ...{ name, params },
  ...end,
});

export function describeReplay(callTools: CallTools): void {
  const ask = (calls: Call[], config: Config, fault?: string) =>
    callTools(calls, { dryRun: true, replayOf: OF, ...config }, fault);
  async function gotBy(calls: Call[], config: Config): Promise<unknown> {
    const { status, output, error } = await ask(calls, config);
    expect([status, error]).toEqual(['success', undefined]);
    return JSON.parse(String(output.text));
  }

  test('a tool is answered from the record, is not called, and the call is recorded as any other', async () => {
    const result = { hits: [1, null, { url: 'https://example.com/' }] };
    const replayCalls = [recorded(BEST, { result })];
    const { output, toolCalls } = await ask([BEST], { replayCalls, unrecorded: 'refuse' });
    expect(JSON.parse(String(output.text))).toEqual([result]);
    expect(toolCalls).toEqual([
      {
        name: 'search',
        params: BEST[1],
        result,
        latencyMs: expect.any(Number) as number,
        at: expect.any(String) as string,
      },
    ]);
  });

  test('parameters are compared whatever the order of their keys, as JSON has them', async () => {
    const replayCalls = [
      recorded(['search', { page: { no: 1, of: 3 }, q: 'best' }], { result: 'recorded' }),
      recorded(['list', { n: true }], { result: 'recorded' }),
    ];
    const calls: Call[] = [BEST, ['list', { n: 1 }], ['list', { n: true }], ['find', { n: true }]];
    expect(await gotBy(calls, { replayCalls })).toEqual(['recorded', 'asked', 'recorded', 'asked']);
  });

  test('what was called several times is answered in that order, then as the last time', async () => {
    const other: Call = ['search', null];
    const replayCalls = [
      recorded(BEST, { result: 1 }),
      recorded(other, { result: 'other' }),
      recorded(BEST, { error: 'come again' }),
      recorded(BEST, { result: 3 }),
    ];
    const got = await gotBy([BEST, BEST, other, BEST, BEST, other], { replayCalls });
    expect(got).toEqual([1, 'failed: come again', 'other', 3, 3, 'other']);
  });

  test('a call without a record goes to the tool, or ends the job where that is to be refused', async () => {
    expect(await gotBy([BEST], { replayCalls: [] })).toEqual(['asked']);
    const lacking = {
      ...{ status: 'error', output: {}, errorKind: 'not-recorded' },
      error: `tool search: ${OF} has no whole record of it with these parameters`,
    };
    const replayCalls = [recorded(['search', {}], { result: 'other parameters' })];
    const refused = await ask([BEST], { replayCalls, unrecorded: 'refuse' }, 'lets-it-through');
    expect(refused).toMatchObject({
      ...lacking,
      toolCalls: [{ name: 'search', params: BEST[1], error: lacking.error }],
    });
    expect(await ask([BEST], { unrecorded: 'refuse' })).toMatchObject(lacking);
  });

  test('a job that catches the refusal is over all the same, and its signal aborted', async () => {
    const result = await ask([BEST, ['wait', 'until aborted']], { unrecorded: 'refuse' });
    expect(result).toMatchObject({ status: 'error', output: {}, errorKind: 'not-recorded' });
    expect(result.toolCalls).toHaveLength(1);
  });

  test('what was too long to be recorded is marked, and never taken for another that begins like it', async () => {
    const long: Call = ['search', 'x'.repeat(20_000)];
    const first = await callTools([long, BEST], {});
    expect(first.toolCalls?.map(({ shortened }) => shortened)).toEqual([true, undefined]);
    const replayCalls = [recorded([long[0], first.toolCalls?.[0]?.params], { result: 'of another' })];
    expect(await gotBy([long], { replayCalls })).toEqual(['asked']);
  });

  test('a model is asked anew', async () => {
    const model: Call = ['llm', { ask: 'verdict' }];
    const replayCalls = [recorded(model, { result: 'recorded' })];
    expect(await gotBy([model], { replayCalls, unrecorded: 'refuse' })).toEqual(['asked']);
  });

  test.each([
    ['nobody-answers', 'provider-unavailable'],
    ['no-recording', 'not-recorded'],
    ['throws', undefined],
  ])('a job that ends with %s is told as %s', async (fault, errorKind) => {
    const { status, ...result } = await callTools([], {}, fault);
    expect([status, result.errorKind]).toEqual(['error', errorKind]);
  });
}
