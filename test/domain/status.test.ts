import { RUN_STATUSES, STEP_STATUSES } from '../../src/domain/run';
import { runShown, stepShown, type StepSeen } from '../../src/domain/status';

const step = (status: StepSeen['status'], more: Partial<StepSeen> = {}): StepSeen => ({
  ...{ status, kind: 'agent', attempt: 1, maxAttempts: 5 },
  ...more,
});

describe('how a step stands', () => {
  it.each([
    [step('running'), 'running'],
    [step('running', { attempt: 3 }), 'retrying 3/5'],
    [step('waiting', { attempt: 2 }), 'retrying 2/5'],
    [step('backing-off', { attempt: 2 }), 'retrying 3/5'],
    [step('parked', { kind: 'approval' }), 'needs approval'],
    [step('parked', { kind: 'agent' }), 'needs approval'],
    [step('parked', { kind: 'event' }), 'waits for event'],
    [step('failed', { attempt: 5 }), 'failed'],
  ])('%j is shown as %s', (seen, text) => expect(stepShown(seen).text).toBe(text));

  it('has a word, a sign and a tone for every status', () => {
    for (const status of STEP_STATUSES) {
      expect(stepShown(step(status))).toEqual({
        text: expect.stringMatching(/\w/) as string,
        sign: expect.stringMatching(/^.$/u) as string,
        tone: expect.stringMatching(/^\w+$/) as string,
      });
    }
  });
});

describe('how a run stands', () => {
  it('is what its steps do while it runs; what needs somebody comes first', () => {
    const of = (...steps: StepSeen[]) => runShown({ status: 'running', steps }).text;
    expect(of(step('succeeded'), step('running'))).toBe('running');
    expect(of(step('running'), step('backing-off'))).toBe('retrying 2/5');
    expect(of(step('running'), step('backing-off'), step('parked', { kind: 'approval' }))).toBe(
      'needs approval',
    );
    expect(of()).toBe('running');
  });

  it('is its end once it is over', () => {
    for (const status of RUN_STATUSES.filter((s) => s !== 'running')) {
      expect(runShown({ status, steps: [step('running')] }).text).toBe(status);
    }
  });
});
