/** Each broken agent fails the one check that names its fault; the same agent without it fails none. */
import { checkAgent, CHECKS, type CheckOptions, type Report } from '../../src/agent-check';
import { INPUTS, SECRET, SmallAgent } from '../support/broken-agents/agent';
import { REQUIRED_FIELDS_ONLY, type Behaviour } from '../support/broken-agents/behaviour';
import { FAULTS } from '../support/broken-agents/faults';

/** Generous where something must come, which on a busy machine takes its time; short where nothing must. */
const LIMITS = {
  retryMs: 4_000,
  graceMs: 3_000,
  finalMs: 1_000,
  idleMs: 1_000,
  quietMs: 400,
  cancelSeconds: 3,
};

async function check(behaviour: Partial<Behaviour>, options: Partial<CheckOptions> = {}): Promise<Report> {
  const agent = new SmallAgent(behaviour);
  const url = await agent.start();
  try {
    return await checkAgent({ url, inputs: INPUTS, secret: SECRET, limits: LIMITS, ...options });
  } finally {
    await agent.stop();
  }
}

const failed = ({ checks }: Report): string[] =>
  checks.filter(({ outcome }) => outcome.kind === 'fail').map(({ id }) => id);
const ids = (kind: boolean): number => CHECKS.filter(({ required }) => required === kind).length;

test.concurrent('the agent without a fault scores full marks', async () => {
  const report = await check({});
  expect(failed(report)).toEqual([]);
  const none = { failed: 0, notChecked: 0, leftOut: 0 };
  expect(report).toMatchObject({
    compatible: true,
    complete: true,
    score: {
      required: { passed: ids(true), total: ids(true), ...none },
      optional: { passed: ids(false), total: ids(false), ...none },
    },
  });
});

test.concurrent('an agent that knows the required fields only has all required marks', async () => {
  const report = await check(REQUIRED_FIELDS_ONLY, { secret: undefined });
  // Without a secret there is nothing to sign with.
  const total = ids(true) - 1;
  expect(report.score.required).toEqual({ passed: total, total, failed: 0, notChecked: 0, leftOut: 1 });
  expect(report.complete).toBe(true);
  expect(report.score.optional).toMatchObject({ leftOut: 3 });
});

describe('broken agents', () => {
  test.concurrent.each(FAULTS)('$name: $fails', async ({ behaviour, fails }) => {
    const report = await check(behaviour);
    expect(failed(report)).toEqual([fails]);
    const found = report.checks.find(({ id }) => id === fails);
    expect(found?.outcome).toMatchObject({
      saw: expect.stringMatching(/\S/) as string,
      expected: expect.stringMatching(/\S/) as string,
      mend: expect.stringMatching(/\S/) as string,
    });
    expect(report.compatible).toBe(!found?.required);
  });

  test('there is one for every check', () => {
    const named = new Set(FAULTS.map(({ fails }) => fails));
    // `success` is about the input that the author gave, and is tested with it.
    expect(CHECKS.map(({ id }) => id).filter((id) => !named.has(id))).toEqual(['success']);
  });
});
