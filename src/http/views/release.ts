/** Releases, environments and rollouts as the API shows them. */
import { z } from 'zod';
import { diffManifests, RELEASE_PARTS } from '../../domain/release/diff';
import {
  VALIDATION_STAGES,
  type Environment,
  type EnvironmentPolicy,
} from '../../domain/release/environment';
import { INSTANCE_STATES } from '../../domain/release/instance';
import { ReleaseManifest, type Release } from '../../domain/release/manifest';
import { approvalEnd, approvalStage } from '../../domain/rollout/approval';
import type { Judgement } from '../../domain/rollout/canary';
import { mendFor } from '../../domain/rollout/isolated-replay';
import { canShow, type ReplayPlan } from '../../domain/rollout/replay';
import { ROLLOUT_STATUSES, type Rollout } from '../../domain/rollout/rollout';
import { STRATEGIES } from '../../domain/rollout/strategy';
import { VERDICTS } from '../../domain/rollout/verdict';
import type { ReleaseWork } from '../../store/release-store';
import { isoTime, maybeTime, shape } from '../schema';
import { iso, isoOrNull } from './time';

const id = z.string().describe('SHA-256 of the manifest.');

export const ReleaseView = shape('Release', () =>
  z.object({
    id,
    agentId: z.string(),
    parent: z.string().nullable().describe('The release it was made after.'),
    createdAt: isoTime,
    createdBy: z.string(),
    manifest: ReleaseManifest,
  }),
);

export const releaseView = ({ parent, createdAt, ...release }: Release): z.infer<typeof ReleaseView> => ({
  ...release,
  parent: parent ?? null,
  createdAt: iso(createdAt),
});

export const ReleaseDiffView = shape('ReleaseDiff', () =>
  z.object({
    from: z.string().nullable(),
    to: z.string(),
    changes: z.array(
      z.object({
        part: z.enum(RELEASE_PARTS),
        name: z.string(),
        kind: z.enum(['added', 'removed', 'changed']),
        old: z.string().nullable(),
        new: z.string().nullable(),
      }),
    ),
  }),
);

export const releaseDiffView = (from: Release | undefined, to: Release): z.infer<typeof ReleaseDiffView> => ({
  from: from?.id ?? null,
  to: to.id,
  changes: diffManifests(from?.manifest, to.manifest).map((c) => ({
    ...{ part: c.part, name: c.name, kind: c.kind },
    ...{ old: c.old ?? null, new: c.new ?? null },
  })),
});

export const EnvironmentView = shape('Environment', () =>
  z.object({
    agentId: z.string(),
    name: z.string(),
    stable: z.string().nullable(),
    previous: z.string().nullable().describe('What a rollback goes to.'),
    candidate: z.string().nullable(),
    weight: z.number().describe("The candidate's share of the work, in percent."),
    instances: z.array(
      z.object({
        releaseId: z.string(),
        capsuleId: z.string(),
        state: z.enum(INSTANCE_STATES),
        since: isoTime,
      }),
    ),
    policy: z.object({
      promoteFrom: z.string().nullable().describe('Only what is stable there may come here.'),
      approvals: z.number().int().describe('People who have to say yes before a release gets work.'),
      demands: z.array(z.enum(VALIDATION_STAGES)).describe('Validations that it has to have passed.'),
      allow: z.array(z.string()).describe('Keys whose work always goes to the candidate.'),
      stickyBy: z.string().nullable().describe('The field of the input that work sticks to a release by.'),
      keepPreviousWarmMs: z.number().describe('How long the release before stays awake.'),
      tolerancePercent: z.number().nullable().describe('How much more time and memory it may take.'),
      permissions: z
        .array(z.string())
        .nullable()
        .describe('What releases may ask for here, with * for anything; null: nothing is said.'),
    }),
    updatedAt: isoTime,
  }),
);

export const environmentView = (env: Environment): z.infer<typeof EnvironmentView> => ({
  ...{ agentId: env.agentId, name: env.name, weight: env.weight, updatedAt: iso(env.updatedAt) },
  ...{ stable: env.stable ?? null, previous: env.previous ?? null, candidate: env.candidate ?? null },
  instances: env.instances.map((i) => ({ ...i, since: iso(i.since) })),
  policy: policyView(env.policy),
});

const policyView = ({ allow, demands, ...policy }: EnvironmentPolicy) => ({
  ...{ approvals: policy.approvals, keepPreviousWarmMs: policy.keepPreviousWarmMs },
  tolerancePercent: policy.tolerancePercent ?? null,
  permissions: policy.permissions ? [...policy.permissions] : null,
  ...{ promoteFrom: policy.promoteFrom ?? null, stickyBy: policy.stickyBy ?? null },
  ...{ allow: [...allow], demands: [...demands] },
});

const MetricView = z.object({
  metric: z.string(),
  runs: z.number().int(),
  bad: z.number().int(),
  abort: z.object({
    value: z.number().describe('E, the evidence against it.'),
    threshold: z.number(),
    above: z.number().describe('The rate it is tested against.'),
    badRunsNeeded: z.number().int().describe('Bad tasks in a row that would abort it now.'),
    replayed: z.number().describe('The part of E that tasks bring which both had done before; 1: none did.'),
  }),
  promote: z.object({
    value: z.number().describe('How sure it is to be good enough.'),
    threshold: z.number(),
    below: z.number(),
    runsNeeded: z.number().int().nullable().describe('Tasks more, about; null: more than can be told.'),
  }),
});

const ReplayView = z.object({
  tasks: z.number().int().describe('Tasks of the incumbent that are done once more.'),
  removed: z.number().int().describe('Tasks more that retention had removed.'),
  seconds: z.number().describe('How long it takes, by what the incumbent took.'),
  costUsd: z.number().describe('What it costs in models, actions and the time of the capsule, by the same.'),
});

const replayView = ({ tasks, removed, forecast }: ReplayPlan): z.infer<typeof ReplayView> => ({
  ...{ tasks: tasks.length, removed, ...forecast },
});

/** What a replay would be, before it begins. */
export const ReplayForecastView = shape('ReplayForecast', () =>
  z.object({
    agentId: z.string(),
    environment: z.string(),
    releaseId: z.string(),
    replay: ReplayView.extend({
      wanted: z.number().int().describe('Tasks that the stage asks for.'),
      marginPercent: z
        .number()
        .describe('A pass shows that the candidate does worse in at most so many of a hundred tasks.'),
      enough: z.boolean().describe('Whether it can pass with the tasks that there are.'),
    })
      .nullable()
      .describe('Null: the strategy has no replay.'),
  }),
);

export const replayForecastView = (
  of: { agentId: string; environment: string; releaseId: string },
  found: { stage: { tasks: number; margin: number }; plan: ReplayPlan } | undefined,
): z.infer<typeof ReplayForecastView> => ({
  ...of,
  replay: found
    ? {
        ...replayView(found.plan),
        wanted: found.stage.tasks,
        marginPercent: Math.round(100 * found.stage.margin),
        enough: canShow(found.plan.tasks.length, found.stage.margin),
      }
    : null,
});

export const RolloutView = shape('Rollout', () =>
  z.object({
    id: z.guid(),
    agentId: z.string(),
    environment: z.string(),
    candidate: z.string(),
    incumbent: z.string().nullable(),
    strategy: z.enum(STRATEGIES),
    status: z.enum(ROLLOUT_STATUSES),
    stage: z.string().nullable().describe('What it is at.'),
    stages: z.array(z.string()),
    stageSince: maybeTime,
    verdicts: z.array(
      z.object({
        stage: z.string(),
        verdict: z.enum(VERDICTS),
        reason: z.string(),
        evidence: z.array(z.string()),
        by: z.string(),
        since: maybeTime.describe('When the stage began.'),
        at: isoTime,
      }),
    ),
    approvals: z
      .object({
        wanted: z.number().int(),
        given: z.array(z.object({ by: z.string(), reason: z.string().nullable(), at: isoTime })),
        expiresAt: isoTime.describe('Without enough of them by then it is a no.'),
      })
      .nullable()
      .describe('While people are to approve it.'),
    replay: ReplayView.nullable().describe('What is replayed, from the beginning of that on.'),
    waitsFor: z
      .string()
      .nullable()
      .describe('While a stage waits for what a person does elsewhere: what that is.'),
    memo: z.string().nullable().describe('While it is paused: what a person is to decide.'),
    abortedFor: z.string().nullable(),
    createdAt: isoTime,
    finishedAt: maybeTime,
    report: z
      .object({ decision: z.string(), reason: z.string(), metrics: z.array(MetricView) })
      .nullable()
      .describe('How a canary stands now.'),
  }),
);

export function rolloutView(rollout: Rollout, judgement?: Judgement): z.infer<typeof RolloutView> {
  const stages = rollout.strategy.stages.map((s) => (s.kind === 'canary' ? `canary ${s.weight} %` : s.kind));
  const { id: rolloutId, agentId, environment, candidate, status } = rollout;
  return {
    ...{ id: rolloutId, agentId, environment, candidate, status, stages },
    incumbent: rollout.incumbent ?? null,
    strategy: rollout.strategy.name,
    stage: stages[rollout.stage] ?? null,
    stageSince: isoOrNull(rollout.stageSince),
    verdicts: rollout.verdicts.map(({ stage, round: _, at, since, ...verdict }) => ({
      ...verdict,
      evidence: [...verdict.evidence],
      ...{ stage: stages[stage] ?? '', at: iso(at), since: isoOrNull(since) },
    })),
    approvals: approvalsOf(rollout),
    replay: rollout.replay ? replayView(rollout.replay) : null,
    waitsFor: waitsFor(rollout),
    ...{ memo: rollout.memo ?? null, abortedFor: rollout.abortedFor ?? null },
    ...{ createdAt: iso(rollout.createdAt), finishedAt: isoOrNull(rollout.finishedAt) },
    report: judgement
      ? {
          decision: judgement.decision,
          reason: judgement.reason,
          // No number of JSON is infinite.
          metrics: judgement.report.map((m) => ({
            ...m,
            abort: { ...m.abort, value: Math.min(m.abort.value, Number.MAX_SAFE_INTEGER) },
          })),
        }
      : null,
  };
}

function waitsFor({ status, strategy, stage: at, candidate }: Rollout): string | null {
  const stage = strategy.stages[at];
  const isOutside = status === 'gating' && stage?.kind === 'replay' && stage.where === 'sandbox';
  return isOutside ? `a replay in the sandbox: ${mendFor(candidate)}` : null;
}

function approvalsOf(rollout: Rollout): z.infer<typeof RolloutView>['approvals'] {
  const stage = approvalStage(rollout);
  if (!stage) return null;
  const given = (rollout.approvals ?? []).map(({ by, at, reason = null }) => ({ by, reason, at: iso(at) }));
  return { wanted: stage.quorum, given, expiresAt: iso(approvalEnd(rollout, stage)) };
}

export const LineageView = shape('Lineage', () =>
  z.object({
    items: z.array(
      z.object({
        runId: z.guid(),
        stepId: z.string(),
        attempt: z.number().int(),
        agentId: z.string(),
        releaseId: z.string(),
        inputHash: z
          .string()
          .nullable()
          .describe('SHA-256 of the canonical JSON of what the agent was given.'),
        shadow: z.boolean(),
        at: isoTime,
        outcome: z.string().nullable(),
        durationMs: z.number().nullable(),
        costUsd: z.number().nullable(),
      }),
    ),
  }),
);

export const lineageView = (work: readonly ReleaseWork[]): z.infer<typeof LineageView> => ({
  items: work.map(({ ended, shadow, at, inputHash, ...w }) => ({
    ...w,
    inputHash: inputHash === '' ? null : inputHash,
    ...{ shadow: shadow ?? false, at: iso(at), outcome: ended?.outcome ?? null },
    ...{ durationMs: ended?.durationMs ?? null, costUsd: ended?.costUsd ?? null },
  })),
});
