/** Approvals of a rollout: where they are asked for, whose yes counts, and what comes of it. */
import {
  APPROVAL_MS,
  approvalRefusal,
  approvalStage,
  judgeApprovals,
  withApprovals,
  type ApprovalStage,
  type RolloutApproval,
} from '../../../src/domain/rollout/approval';
import { decideRollout, newRollout, type Rollout } from '../../../src/domain/rollout/rollout';
import { STRATEGIES, STRATEGY_DEFAULTS, stageProblems } from '../../../src/domain/rollout/strategy';

const yes = (owner: string, at = 5): RolloutApproval => ({ by: `key:of-${owner}`, owner, at });

/** A direct rollout that waits for two people since time 0. */
function asked(): { rollout: Rollout; stage: ApprovalStage } {
  const pending = newRollout({
    ...{ id: 'r', agentId: 'a', environment: 'prod', candidate: 'c'.repeat(64), createdAt: 0 },
    ...{ strategy: withApprovals(STRATEGY_DEFAULTS.direct, 2), begunBy: 'bob' },
  });
  const { state: rollout, commands } = decideRollout(pending, { type: 'start' }, 0);
  expect(commands.map((c) => c.type)).toEqual(['enter', 'ask']);
  const stage = approvalStage(rollout);
  if (!stage) throw new Error('it waits for nobody');
  return { rollout, stage };
}

describe('approvals', () => {
  it('come before the first real work, in every strategy that gives any', () => {
    const kinds = STRATEGIES.map((name) => {
      const { stages } = withApprovals(STRATEGY_DEFAULTS[name], 1);
      expect(stageProblems(stages)).toEqual([]);
      const at = stages.findIndex((s) => s.kind === 'approval');
      return [name, at < 0 ? undefined : stages[at + 1]?.kind];
    });
    expect(Object.fromEntries(kinds)).toEqual({
      ...{ direct: 'switch', 'blue-green': 'switch', canary: 'canary', shadow: undefined },
    });
    expect(withApprovals(STRATEGY_DEFAULTS.canary, 0)).toBe(STRATEGY_DEFAULTS.canary);
  });

  it('pass with as many people as are wanted, each once', () => {
    let { rollout } = asked();
    const { stage } = asked();
    const say = (owner: string) => {
      rollout = decideRollout(rollout, { type: 'approved', approval: yes(owner) }, 5).state;
      return judgeApprovals(rollout, stage, 5);
    };
    expect(say('ann')).toBeUndefined();
    const once = rollout;
    expect(say('ann')).toBeUndefined();
    expect(rollout).toBe(once);
    expect(say('cleo')).toMatchObject({
      verdict: 'pass',
      reason: 'approved by key:of-ann, key:of-cleo',
    });
  });

  it('are refused from who made it, from who said so already, late, and where nobody is asked', () => {
    const { rollout } = asked();
    const voted = decideRollout(rollout, { type: 'approved', approval: yes('ann') }, 5).state;
    const refusal = (r: Rollout, approval: RolloutApproval, makers = ['bob']) =>
      approvalRefusal(r, approval, makers);
    expect(refusal(rollout, yes('cleo'))).toBeUndefined();
    expect(refusal(rollout, yes('bob'))).toBe('own');
    expect(refusal(rollout, yes('cleo'), ['key:of-cleo'])).toBe('own');
    expect(refusal(rollout, yes('local'), ['local'])).toBeUndefined();
    expect(refusal(voted, yes('ann'))).toBe('voted');
    expect(refusal(rollout, yes('cleo', APPROVAL_MS))).toBe('expired');
    const aborted = decideRollout(rollout, { type: 'abort', reason: 'no' }, 6).state;
    expect(refusal(aborted, yes('cleo'))).toBe('not-asked');
    expect(decideRollout(aborted, { type: 'approved', approval: yes('cleo') }, 7).state).toBe(aborted);
  });

  it('that do not come in time are a no', () => {
    const { rollout, stage } = asked();
    expect(judgeApprovals(rollout, stage, APPROVAL_MS - 1)).toBeUndefined();
    const late = judgeApprovals(rollout, stage, APPROVAL_MS);
    expect(late).toMatchObject({ verdict: 'fail', reason: '0 of 2 approvals within the time: that is a no' });
  });
});
