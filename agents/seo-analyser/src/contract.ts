/** What an agent and its orchestrator say to each other, and what a job gets to work with. */
import * as z from 'zod';

const id = z.string().min(1).max(200);
const count = z.number().int().nonnegative();
const usd = z.number().nonnegative();

/** What a tool gave, or why it failed, when the job was done first. */
const RecordedCall = z.object({
  name: z.string(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});

/** `POST /run`. Unknown keys are ignored, so that additions to the contract do no harm. */
export const AgentRunRequest = z.object({
  workflowId: id,
  stepId: id,
  runId: z.guid(),
  input: z.record(z.string(), z.unknown()),
  config: z.object({
    webhookUrl: z.url({ protocol: /^https?$/ }),
    timeoutSeconds: z.number().positive().max(86_400),
    attempt: z.number().int().positive().optional(),
    dryRun: z.boolean().optional(),
    replayOf: z.string().optional(),
    replayCalls: z.array(RecordedCall).optional(),
    unrecorded: z.literal('refuse').optional(),
  }),
});
export type AgentRunRequest = z.infer<typeof AgentRunRequest>;
export type Ids = Pick<AgentRunRequest, 'workflowId' | 'stepId' | 'runId'> & { attempt?: number | undefined };

/** One model's consumption; `costUsd` in US dollars. */
export const Usage = z.object({
  provider: z.string(),
  model: z.string(),
  inputTokens: count,
  outputTokens: count,
  cacheReadTokens: count.optional(),
  costUsd: usd,
});
export type Usage = z.infer<typeof Usage>;

/** One effect outside the system: a message sent, money spent. `reach` counts people; `at` is ISO 8601. */
export const Action = z.object({
  type: z.string().min(1),
  platform: z.string().optional(),
  costUsd: usd.optional(),
  recurring: z.boolean().optional(),
  reach: count.optional(),
  at: z.iso.datetime({ offset: true }),
});
export type Action = z.infer<typeof Action>;

/** One use of a tool: what it took, and what it gave or why it failed; `shortened` where that is not kept as it was. */
export type ToolCall = { name: string; params: unknown; shortened?: true; at: string; latencyMs: number } & (
  { result: unknown } | { error: string }
);

/** The webhook's body; `durationMs` in whole milliseconds. */
export type Outcome = {
  status: 'success' | 'error' | 'timeout';
  output: object;
  error?: string;
  errorKind?: string;
};
export type Records = { usage?: Usage[]; actions?: Action[]; toolCalls?: ToolCall[]; progress?: unknown };
export type AgentRunResult = Ids & Outcome & Records & { durationMs: number };

/** Given to a job beside its input. */
export type JobContext = Ids & {
  /** Aborts on timeout, on cancel, and when the process has to end. */
  signal: AbortSignal;
  /** Whether the job must leave the world as it is: check it before every effect. */
  dryRun: boolean;
  log: (message: string, fields?: object) => void;
  /** Shows how far the job is, at `GET /status` and in the result. */
  progress: (value: unknown) => void;
  /** Records what a model consumed. @throws Misfit naming a field that does not fit */
  usage: (entry: Usage) => void;
  /** Records an effect, for the caps and budgets. @throws Misfit as `usage` does, and in a dry run */
  action: (entry: Action) => void;
  /** Calls `use`, records parameters, result or error, and latency, and gives or throws what that did. */
  tool: <T>(name: string, params: unknown, use: () => Promise<T> | T) => Promise<T>;
};

/** Something that was received, or made by the job, and is not what it should be. */
export class Misfit extends Error {
  readonly kind = 'misfit';
  readonly status = 400;
}

/** Checks `value`. @throws Misfit naming the first field that does not fit */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path = [], message } = parsed.error.issues[0] ?? {};
  throw new Misfit(`${[what, ...path].join('.')}: ${message}`);
}
