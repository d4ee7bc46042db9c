/** The shapes of an installation's agents and workflows, as they are written and as they are used. */
import { z } from 'zod';
import type { Secret } from '../config/secret';
import { PREWARM_MODES } from '../domain/prewarm';
import { BreakerSchema } from '../domain/breaker/rules';
import { flowFields } from '../domain/flow';
import { OversightSettings } from '../domain/oversight/settings';
import { MAX_PERMIT_LENGTH, MAX_PERMITS } from '../domain/release/permissions';
import { Schedule } from '../domain/schedule';
import { OnSchema } from './on-schema';
import { jsonObject, kebabId, MAX_STEPS, MIN_SECRET_LENGTH, name, seconds, splitSecrets } from './shapes';
import { StepSchema } from './step-schema';

/** The most an installation declares; a generated list gone wrong is refused, not worked through. */
export const MAX_AGENTS = 1_000;
export const MAX_WORKFLOWS = 1_000;
/** A run may wait for people. */
export const MAX_RUN_TIMEOUT_SECONDS = 90 * 86_400;

/** At most so many at once, and so many a minute in the long run. */
const rateFields = {
  perMinute: z.number().gt(0).max(1_000_000),
  burst: z.number().int().min(1).max(100_000).default(1),
};

/** What agents use together and may not use as often as they like. */
const ServiceSchema = z.strictObject({ id: kebabId, ...rateFields });

/** US dollars; when they are used up, steps are held. */
const budgetFields = z.strictObject({
  perRunUsd: z.number().min(0).max(100_000_000).optional(),
  perDayUsd: z.number().min(0).max(100_000_000).optional(),
  perMonthUsd: z.number().min(0).max(100_000_000).optional(),
});
const actionsPerDay = z.number().int().min(0).max(1_000_000_000);
const namedCaps = z.record(z.string().min(1).max(200), actionsPerDay);

/** Permissions of releases, or patterns of them. */
export const permits = z
  .array(
    z
      .string()
      .min(1)
      .max(MAX_PERMIT_LENGTH)
      .regex(/^[^\p{Cc}\p{Cs}\p{Z}](?:[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}\p{Z}])?$/u, {
        message: 'begins or ends with a space, or holds control characters',
      }),
  )
  .max(MAX_PERMITS);

export const AgentSchema = z.strictObject({
  id: kebabId,
  name,
  /** The platform's id of the capsule that hosts it. */
  capsuleId: z.string().trim(),
  /** Where the agent answers `/health`, `/status` and `/run`. */
  baseUrl: z.string().trim(),
  /** More capsules of the same agent: while one release works on one, the next is tried on another. */
  spares: z
    .array(z.strictObject({ capsuleId: z.string().trim().min(1), baseUrl: z.url({ protocol: /^https?$/ }) }))
    .max(4)
    .optional(),
  /**
   * Where its work is done while it cannot be done where it belongs, in order of preference: another region's capsule,
   * or one whose release asks another provider (`release`: its id, for the record).
   */
  alternatives: z
    .array(
      z.strictObject({
        capsuleId: z.string().trim().min(1),
        baseUrl: z.url({ protocol: /^https?$/ }),
        release: z
          .string()
          .regex(/^[0-9a-f]{64}$/, 'is no id of a release: 64 digits of 0-9 and a-f')
          .optional(),
      }),
    )
    .min(1)
    .max(4)
    .optional(),
  /** Signs webhooks and claims. Two, separated by a comma, while a new one replaces an old one. */
  secret: z
    .string()
    .refine((list) => splitSecrets(list).every((s) => s.length >= MIN_SECRET_LENGTH), {
      message: `is shorter than ${MIN_SECRET_LENGTH} characters`,
    })
    .refine((list) => splitSecrets(list).length <= 2, { message: 'holds more than two keys' })
    .optional(),
  /** How many attempts one replica takes at once. */
  concurrency: z.number().int().min(1).max(1_000).default(1),
  /** How long the capsule stays awake after its last work, in case more comes. */
  lingerSeconds: z.number().int().min(0).max(86_400).default(30),
  /** `break-even`: only while the expected wait for more work costs less than a cold start; at most `lingerSeconds`. */
  linger: z.enum(['fixed', 'break-even']).default('fixed'),
  /** How long a wake may take before it counts as failed. */
  wakeTimeoutSeconds: seconds(3_600).default(120),
  /** What one replica costs, for the report; US dollars. */
  pricePerReplicaHourUsd: z.number().min(0).max(10_000).optional(),
  /** What it may cost, with its capsule's time. */
  budget: budgetFields.optional(),
  /** What one of its jobs may cost in models and actions, US dollars: set aside before it begins. */
  maxCostUsd: z.number().min(0).max(100_000).optional(),
  /** How many actions it may take in a day. */
  maxActionsPerDay: actionsPerDay.optional(),
  /** How the agent gets its job; for people, the orchestrator serves both. */
  mode: z.enum(['api', 'startup']).optional(),
  /** When it is given no more work for a while. Left out: never; `{}`: after five failures in a row. */
  breaker: BreakerSchema.optional(),
  /** How often it is given work. */
  rateLimit: z.strictObject(rateFields).optional(),
  /**
   * What its releases may ask for in their `permissions`, with `*` for anything, and `tool:<name>` for their tools once
   * one is named. Left out: what the first release asks for, and what a later one asks for besides, is for a person.
   */
  permissions: permits.optional(),
  /** The ids of the outside services that it uses; each task takes a token of each. */
  uses: z.array(kebabId).max(20).optional(),
  /** It proposes before it acts, and asks people by rule. Left out: it acts, and is judged afterwards. */
  oversight: OversightSettings.optional(),
});

export const WorkflowSchema = z.strictObject({
  id: kebabId,
  name,
  description: z.string().max(2_000).optional(),
  /** False: declared, but no part of this installation; agents that only such workflows use need no capsule. */
  enabled: z.boolean().default(true),
  steps: z.array(StepSchema).min(1, 'has no steps').max(MAX_STEPS),
  /** After a step failed, with the failure in their input. */
  onFailure: z.array(StepSchema).max(MAX_STEPS).default([]),
  /** At the end, whatever came of the rest. */
  finally: z.array(StepSchema).max(MAX_STEPS).default([]),
  schedule: Schedule.extend({
    /** False: declared, but never fires. */
    enabled: z.boolean().default(true),
  }).optional(),
  /** What starts it besides: webhooks, events, the ends of other workflows' runs. */
  on: OnSchema.optional(),
  /** Input of a run that brings none; what a run brings is merged over it. */
  input: jsonObject.default({}),
  /**
   * What is woken ahead of its work, by learned boot times. `schedule`: the capsules of the first steps, for
   * each scheduled time. `pipeline`: those, and the capsules of later steps while earlier ones work.
   */
  prewarm: z.enum(PREWARM_MODES).default('off'),
  ...flowFields,
  /** What its runs may cost, with the runs of their steps. */
  budget: budgetFields.optional(),
  /** How long a whole run may take. */
  timeoutSeconds: seconds(MAX_RUN_TIMEOUT_SECONDS).optional(),
});

export const RegistrySchema = z.strictObject({
  agents: z.array(AgentSchema).max(MAX_AGENTS),
  workflows: z.array(WorkflowSchema).max(MAX_WORKFLOWS),
  /** How many actions agents may take in a day, by type and by platform. */
  caps: z.strictObject({ actionTypes: namedCaps.optional(), platforms: namedCaps.optional() }).optional(),
  /** Outside services with a rate that all agents share. */
  services: z.array(ServiceSchema).max(100).optional(),
});

/** What `registry()` returns: plain data, defaults left out. */
export type RegistryInput = z.input<typeof RegistrySchema>;
export type AgentInput = z.input<typeof AgentSchema>;
export type WorkflowInput = z.input<typeof WorkflowSchema>;

/** Read-only all the way down. */
export type DeepReadonly<T> = unknown extends T
  ? T
  : T extends Secret
    ? T
    : T extends object
      ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
      : T;

export type Agent = DeepReadonly<
  Omit<z.output<typeof AgentSchema>, 'secret'> & {
    /** The current key first, then the one it replaces, if any. Empty: the agent holds none. */
    secrets: Secret[];
  }
>;
/** One of this installation: enabled, so the field is gone. */
export type Workflow = DeepReadonly<Omit<z.output<typeof WorkflowSchema>, 'enabled'>>;
export type Step = Workflow['steps'][number];
export type Service = DeepReadonly<z.output<typeof ServiceSchema>>;

/** Daily caps on actions, by their type and their platform. */
export type Caps = DeepReadonly<NonNullable<z.output<typeof RegistrySchema>['caps']>>;

/** The agents and workflows of this installation, checked and frozen. */
export interface Registry {
  readonly caps?: Caps;
  readonly agents: readonly Agent[];
  readonly workflows: readonly Workflow[];
  readonly services: readonly Service[];
  /** @throws RangeError when there is no such agent */
  agent(id: string): Agent;
  /** @throws RangeError when there is no such workflow */
  workflow(id: string): Workflow;
  findAgent(id: string): Agent | undefined;
  findWorkflow(id: string): Workflow | undefined;
  /** What the senders of a workflow's webhooks sign with, the current key first; empty where it has no hook. */
  hookSecrets(workflowId: string): readonly Secret[];
}
