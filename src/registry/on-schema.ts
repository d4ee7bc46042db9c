/** What starts a workflow besides its schedule and the API, as it is written: the field `on`. */
import { z } from 'zod';
import { Condition } from '../domain/condition';
import { Mapping } from '../domain/mapping';

/** Of each kind; a workflow that needs more is several. */
const MAX_TRIGGERS = 20;

export const HOOK_STYLES = ['github', 'standard-webhooks', 'token'] as const;
/** How the sender of a webhook proves itself. */
export type HookStyle = (typeof HOOK_STYLES)[number];

const common = {
  /** Starts nothing unless it holds. */
  when: Condition.optional(),
  /** The run's input: names, and where their values are. */
  input: Mapping.optional(),
};

/** `POST /hooks/<workflow id>`. Paths begin with `body` or `headers`. */
export const WebhookTriggerSchema = z.strictObject({
  /** The environment variable that holds the sender's secret; two keys, separated by a comma, in rotation. */
  secret: z
    .string()
    .max(100)
    .regex(/^[A-Z][A-Z0-9_]*$/, 'is not the name of an environment variable, e.g. GITHUB_WEBHOOK_SECRET'),
  style: z.enum(HOOK_STYLES),
  ...common,
});

/** `POST /events`. Paths begin with `event`: `event.payload`, `event.key`, `event.name`, `event.id`. */
const EventTriggerSchema = z.strictObject({
  name: z.string().min(1).max(200),
  /** Only events with this key; default: any. */
  key: z.string().min(1).max(500).optional(),
  ...common,
});

/** The end of another workflow's run. Paths begin with `run`: `run.output`, `run.steps`, `run.input`, `run.status`. */
const RunTriggerSchema = z.strictObject({
  workflow: z.string(),
  status: z.enum(['succeeded', 'failed', 'cancelled', 'any']).default('succeeded'),
  ...common,
});

const oneOrMany = <T extends z.ZodType>(one: T) =>
  z
    .union([one, z.array(one).min(1).max(MAX_TRIGGERS)])
    .transform((given) => (Array.isArray(given) ? given : [given]) as Array<z.output<T>>);

export const OnSchema = z.strictObject({
  webhook: WebhookTriggerSchema.optional(),
  event: oneOrMany(EventTriggerSchema).optional(),
  run: oneOrMany(RunTriggerSchema).optional(),
});

export type WebhookTrigger = z.output<typeof WebhookTriggerSchema>;
