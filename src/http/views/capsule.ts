/** Agents, capsules and shifts as the API shows them. */
import { z } from 'zod';
import {
  BOOT_RELEASES,
  BOOT_SAMPLES,
  CAPSULE_STATUSES,
  learnedBootMs,
  quantileOf,
  type CapsuleState,
  type Shift,
} from '../../domain/capsule';
import { replicasOf, statusSince, type Observation } from '../../domain/drift';
import type { Agent } from '../../registry';
import type { CapsuleRecord } from '../../store/store';
import { isoTime, maybeMs, maybeTime, shape } from '../schema';
import { between, iso, isoOrNull } from './time';

export const AgentView = shape('Agent', () =>
  z.object({
    id: z.string(),
    name: z.string(),
    capsuleId: z.string(),
    baseUrl: z.string(),
    mode: z.enum(['api', 'startup']).nullable(),
    signs: z.boolean().describe('Holds a secret: may claim jobs, and its signatures are checked.'),
    concurrency: z.number().int().describe('How many attempts one replica takes at once.'),
    lingerSeconds: z.number(),
    linger: z
      .enum(['fixed', 'break-even'])
      .describe('`break-even`: while waiting costs less than a cold start, at most `lingerSeconds`.'),
    wakeTimeoutSeconds: z.number(),
    pricePerReplicaHourUsd: z.number().nullable(),
  }),
);

export function agentView(agent: Agent): z.infer<typeof AgentView> {
  return {
    id: agent.id,
    name: agent.name,
    capsuleId: agent.capsuleId,
    baseUrl: withoutCredentials(agent.baseUrl),
    mode: agent.mode ?? null,
    signs: agent.secrets.length > 0,
    concurrency: agent.concurrency,
    lingerSeconds: agent.lingerSeconds,
    linger: agent.linger,
    wakeTimeoutSeconds: agent.wakeTimeoutSeconds,
    pricePerReplicaHourUsd: agent.pricePerReplicaHourUsd ?? null,
  };
}

/** User and password of a URL are secrets, and so may be its query. */
const withoutCredentials = (url: string): string => {
  const { origin, pathname } = new URL(url);
  return origin + pathname.replace(/\/$/, '');
};

const ShiftSplitView = z
  .object({
    bootMs: z.number(),
    prewarmMs: z.number().describe('Awake before the first work, because it was woken ahead of it.'),
    workMs: z.number(),
    lingerMs: z.number(),
    drainMs: z.number(),
  })
  .describe('Where the billed milliseconds went; filled in when the shift closes.');

export const ShiftView = shape('Shift', () =>
  z.object({
    capsuleId: z.string(),
    agentId: z.string(),
    generation: z.number().int(),
    requestedAt: isoTime.describe('The scale-up was decided.'),
    acceptedAt: maybeTime.describe('The platform accepted it: billing starts.'),
    firstTcpAt: maybeTime.describe('Something answered for the first time.'),
    healthyAt: maybeTime,
    firstWorkAt: maybeTime,
    lastWorkAt: maybeTime,
    scaleDownAt: maybeTime.describe('The scale-down was decided.'),
    zeroAt: maybeTime.describe('Zero replicas were observed: billing ends.'),
    endReason: z.string().nullable(),
    split: ShiftSplitView.nullable(),
    billedMs: maybeMs.describe('From acceptance to observed zero; null while it runs.'),
  }),
);

export function shiftView(shift: Shift): z.infer<typeof ShiftView> {
  const { capsuleId, agentId, generation, requestedAt, split } = shift;
  return {
    capsuleId,
    agentId,
    generation,
    requestedAt: iso(requestedAt),
    acceptedAt: isoOrNull(shift.acceptedAt),
    firstTcpAt: isoOrNull(shift.firstTcpAt),
    healthyAt: isoOrNull(shift.healthyAt),
    firstWorkAt: isoOrNull(shift.firstWorkAt),
    lastWorkAt: isoOrNull(shift.lastWorkAt),
    scaleDownAt: isoOrNull(shift.scaleDownAt),
    zeroAt: isoOrNull(shift.zeroAt),
    endReason: shift.endReason ?? null,
    split: split ?? null,
    billedMs: between(shift.acceptedAt, shift.zeroAt),
  };
}

/** What an event tells of a capsule: everything that needs no look at leases. */
export const CapsuleSummary = shape('CapsuleSummary', () =>
  z.object({
    id: z.string(),
    agentId: z.string(),
    status: z.enum(CAPSULE_STATUSES),
    generation: z.number().int().describe('Rises at each wake.'),
    shift: ShiftView.nullable().describe('The shift under way; null while asleep.'),
    failedWakes: z.number().int().describe('Wakes that failed in a row.'),
    retryWakeAt: maybeTime.describe('Not woken again before this time.'),
    lastError: z.string().nullable(),
  }),
);

const BootTimes = {
  medianMs: maybeMs,
  p95Ms: maybeMs,
  samples: z.number().int().describe('How many boots this is learned from.'),
  timesMs: z.array(z.number()).describe(`The last ${BOOT_SAMPLES}, newest first.`),
};

export const CapsuleView = shape('Capsule', () =>
  CapsuleSummary.unwrap().extend({
    since: maybeTime.describe('Since when it has this status; null before its first shift.'),
    boot: z.object({
      ...BootTimes,
      byRelease: z
        .array(z.object({ release: z.string(), ...BootTimes }))
        .describe(
          `Where agents tell their release: of ${BOOT_RELEASES} at most, that which booted last first.`,
        ),
    }),
    replicas: z.object({
      desired: z.number().int().describe('What its status asks for.'),
      observed: z
        .number()
        .int()
        .nullable()
        .describe(
          'What the platform was last seen to run; null: unknown, or not looked at since its status changed.',
        ),
      observedAt: maybeTime,
      driftSince: maybeTime.describe('Since when the two differ; null while they do not.'),
    }),
    handHeldUntil: maybeTime.describe('Woken by hand until then.'),
    activity: z.object({
      held: z.number().int().describe('Leases held now.'),
      waiting: z.number().int().describe('Steps that wait for one.'),
      idleSince: maybeTime,
      workMs: z.number().describe('Milliseconds of this shift with at least one lease.'),
      firstWorkAt: maybeTime,
      lastWorkAt: maybeTime,
    }),
    reasonsAwake: z.array(z.string()).describe('Why it may not sleep now; empty when it may, or does.'),
  }),
);

export function capsuleSummary(state: CapsuleState): z.infer<typeof CapsuleSummary> {
  const { id, agentId, status, generation, shift, failedWakes } = state;
  return {
    id,
    agentId,
    status,
    generation,
    shift: shift ? shiftView(shift) : null,
    failedWakes,
    retryWakeAt: isoOrNull(state.retryWakeAt),
    lastError: state.lastError ?? null,
  };
}

interface Around {
  reasonsAwake: string[];
  /** The capsule's newest shift, for when it fell asleep. */
  last: Shift | undefined;
  /** What the platform was last seen to run. */
  seen: Observation | undefined;
}

export function capsuleView(
  { state, activity }: CapsuleRecord,
  { reasonsAwake, last, seen }: Around,
): z.infer<typeof CapsuleView> {
  const since = statusSince(state, last);
  const { desired, observed, observedAt, driftSince } = replicasOf(state, seen, since);
  const hand = state.warm?.find(({ for: what }) => 'by' in what);
  return {
    ...capsuleSummary(state),
    since: isoOrNull(since),
    boot: bootView(state),
    replicas: { desired, observed, observedAt: isoOrNull(observedAt), driftSince: isoOrNull(driftSince) },
    handHeldUntil: isoOrNull(hand?.until),
    activity: {
      held: activity.held,
      waiting: activity.waiting,
      idleSince: isoOrNull(activity.idleSince),
      workMs: activity.workMs,
      firstWorkAt: isoOrNull(activity.firstWorkAt),
      lastWorkAt: isoOrNull(activity.lastWorkAt),
    },
    reasonsAwake,
  };
}

/** What is learned is of the release that booted last, where agents tell theirs. */
function bootView(state: CapsuleState): z.infer<typeof CapsuleView>['boot'] {
  const { bootMs, releaseBoots = [] } = state;
  return {
    medianMs: learnedBootMs(state, 0.5) ?? null,
    p95Ms: learnedBootMs(state, 0.95) ?? null,
    samples: bootMs.length,
    timesMs: bootMs,
    byRelease: releaseBoots.map(({ release, bootMs: timesMs }) => ({
      release,
      medianMs: quantileOf(timesMs, 0.5) ?? null,
      p95Ms: quantileOf(timesMs, 0.95) ?? null,
      samples: timesMs.length,
      timesMs,
    })),
  };
}
