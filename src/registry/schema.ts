/** The shapes of an installation's agents and workflows, as they are written and as they are used. */
import { z } from 'zod';
import type { Secret } from '../config/secret';
import { Schedule } from '../domain/schedule';

/** The most an installation declares; a generated list gone wrong is refused, not worked through. */
export const MAX_AGENTS = 1_000;
export const MAX_WORKFLOWS = 1_000;
export const MAX_STEPS = 100;

/** As the agent contract has it: one step takes a day at most. */
export const MAX_STEP_TIMEOUT_SECONDS = 86_400;
export const DEFAULT_STEP_TIMEOUT_SECONDS = 300;
export const MAX_RUN_TIMEOUT_SECONDS = 7 * 86_400;
export const MAX_ATTEMPTS = 20;

const MIN_SECRET_LENGTH = 16;

const kebabId = z
  .string()
  .max(63, 'is longer than 63 characters')
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'is not in kebab-case (lower-case letters, digits, single hyphens)',
  );
const name = z.string().trim().min(1, 'is empty').max(200);
const seconds = (max: number) => z.number().int().min(1).max(max);
const jsonObject = z.record(z.string(), z.unknown());

export const AgentSchema = z.strictObject({
  id: kebabId,
  name,
  /** The platform's id of the capsule that hosts it. */
  capsuleId: z.string().trim(),
  /** Where the agent answers `/health`, `/status` and `/run`. */
  baseUrl: z.string().trim(),
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
  /** How long a wake may take before it counts as failed. */
  wakeTimeoutSeconds: seconds(3_600).default(120),
  /** What one replica costs, for the report; US dollars. */
  pricePerReplicaHourUsd: z.number().min(0).max(10_000).optional(),
  /** How the agent gets its job; for people, the orchestrator serves both. */
  mode: z.enum(['api', 'startup']).optional(),
});

export const RetrySchema = z.strictObject({
  /** Attempts in all, the first included. */
  attempts: z.number().int().min(1).max(MAX_ATTEMPTS).default(1),
  /** Wait before the second attempt; doubled before each further one. */
  backoffSeconds: z.number().min(0).max(3_600).default(5),
  maxBackoffSeconds: z.number().min(0).max(86_400).default(300),
});

export const StepSchema = z.strictObject({
  id: kebabId,
  /** Id of the agent that does it. */
  agent: z.string(),
  timeoutSeconds: seconds(MAX_STEP_TIMEOUT_SECONDS).default(DEFAULT_STEP_TIMEOUT_SECONDS),
  retry: RetrySchema.prefault({}),
  /** Fixed input; the run's input and earlier outputs are merged over it. */
  input: jsonObject.optional(),
  /** Ids of steps that come before it. Steps run in the order written, so this only says why. */
  needs: z.array(z.string()).max(MAX_STEPS).optional(),
});

export const WorkflowSchema = z.strictObject({
  id: kebabId,
  name,
  description: z.string().max(2_000).optional(),
  /** False: declared, but no part of this installation; agents that only such workflows use need no capsule. */
  enabled: z.boolean().default(true),
  steps: z.array(StepSchema).min(1, 'has no steps').max(MAX_STEPS),
  schedule: Schedule.extend({
    /** False: declared, but never fires. */
    enabled: z.boolean().default(true),
  }).optional(),
  /** Input of a run that brings none; what a run brings is merged over it. */
  input: jsonObject.default({}),
  /** How long a whole run may take. */
  timeoutSeconds: seconds(MAX_RUN_TIMEOUT_SECONDS).optional(),
});

export const RegistrySchema = z.strictObject({
  agents: z.array(AgentSchema).max(MAX_AGENTS),
  workflows: z.array(WorkflowSchema).max(MAX_WORKFLOWS),
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

/** The agents and workflows of this installation, checked and frozen. */
export interface Registry {
  readonly agents: readonly Agent[];
  readonly workflows: readonly Workflow[];
  /** @throws RangeError when there is no such agent */
  agent(id: string): Agent;
  /** @throws RangeError when there is no such workflow */
  workflow(id: string): Workflow;
  findAgent(id: string): Agent | undefined;
  findWorkflow(id: string): Workflow | undefined;
}

/** The keys in a `secret`: one, or two separated by a comma. */
export function splitSecrets(list: string): string[] {
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}
