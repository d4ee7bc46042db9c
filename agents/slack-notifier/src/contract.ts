/** What an agent and its orchestrator say to each other, and what a job gets to work with. */
import { z } from 'zod';

const id = z.string().min(1).max(200);

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
  }),
});
export type AgentRunRequest = z.infer<typeof AgentRunRequest>;
export type Ids = Pick<AgentRunRequest, 'workflowId' | 'stepId' | 'runId'> & { attempt?: number | undefined };

/** One model's consumption; `costUsd` in US dollars. */
export type Usage = Record<'provider' | 'model', string> &
  Record<'inputTokens' | 'outputTokens' | 'costUsd', number>;
/** One effect outside the system; `at` is ISO 8601. */
export type Action = { type: string; platform?: string; costUsd?: number; reach?: number; at: string };

/** The webhook's body; `durationMs` in whole milliseconds. */
export type Outcome = { status: 'success' | 'error' | 'timeout'; output: object; error?: string };
export type Records = { usage?: Usage[]; actions?: Action[] };
export type AgentRunResult = Ids & Outcome & Records & { durationMs: number };

/** Given to a job beside its input. `signal` aborts on timeout, cancel and SIGTERM; a dry run has no effects. */
export type JobContext = Ids & {
  signal: AbortSignal;
  dryRun: boolean;
  log: (message: string, fields?: object) => void;
  usage: (entry: Usage) => void;
  action: (entry: Action) => void;
};

/** Checks `value`, or throws an Error that names the first field that does not fit. */
export function check<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path = [], message } = parsed.error.issues[0] ?? {};
  throw new Error(`${[what, ...path].join('.')}: ${message}`);
}
