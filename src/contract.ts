/**
 * The agent contract: what the orchestrator and an agent say to each other over HTTP.
 * Fixed; additions are optional only, so that an agent in any language that knows just the
 * required fields keeps working.
 */
import { z } from 'zod';

const jsonObject = z.record(z.string(), z.unknown());
const id = z.string().min(1).max(200);
const isoTime = z.iso.datetime({ offset: true });

/** A tool call that was made before, and what it gave. */
export const ReplayCall = z.object({
  name: z.string(),
  params: z.unknown(),
  result: z.unknown().optional(),
  error: z.string().optional(),
});

/** `POST /run`: what an agent is asked to do. */
export const AgentRunRequest = z.object({
  workflowId: id,
  stepId: id,
  // Any 128-bit id in the form of a UUID, also ones of no version, like those people test with.
  runId: z.guid(),
  input: jsonObject,
  config: z.object({
    webhookUrl: z.url(),
    timeoutSeconds: z.number().positive().max(86_400),
    attempt: z.number().int().positive().optional(),
    releaseId: z.string().optional(),
    dryRun: z.boolean().optional(),
    /** `<runId>/<attempt>` of which this is a copy: what an agent recorded then it finds by that. */
    replayOf: z.string().optional(),
    /** What that one called and got, as its agent reported it in `toolCalls`: in their order. */
    replayCalls: z.array(ReplayCall).optional(),
    /** A tool call that is not in `replayCalls` is not made: the job ends with the error kind `not-recorded`. */
    unrecorded: z.literal('refuse').optional(),
    traceparent: z.string().optional(),
  }),
});
export type AgentRunRequest = z.infer<typeof AgentRunRequest>;

/** One model's consumption during a run. Costs are US dollars. */
export const Usage = z.object({
  provider: z.string(),
  model: z.string(),
  inputTokens: z.number().int().nonnegative(),
  outputTokens: z.number().int().nonnegative(),
  cacheReadTokens: z.number().int().nonnegative().optional(),
  costUsd: z.number().nonnegative(),
});

/** One side effect outside the system: a message sent, a record changed, money spent. */
export const Action = z.object({
  type: z.string().min(1),
  platform: z.string().optional(),
  costUsd: z.number().nonnegative().optional(),
  recurring: z.boolean().optional(),
  reach: z.number().int().nonnegative().optional(),
  at: isoTime,
});

/** One tool call the agent made while it worked. */
export const ToolCall = z.object({
  name: z.string().min(1),
  params: z.unknown(),
  result: z.unknown().optional(),
  /** In place of `result`, when the tool failed: why. */
  error: z.string().optional(),
  /** Of its params or its result only the beginning is here: no call can be answered from it. */
  shortened: z.boolean().optional(),
  latencyMs: z.number().nonnegative(),
  at: isoTime,
});

/** The webhook's body: what came of a run. */
export const AgentRunResult = z.object({
  workflowId: id,
  stepId: id,
  // Any 128-bit id in the form of a UUID, also ones of no version, like those people test with.
  runId: z.guid(),
  status: z.enum(['success', 'error', 'timeout']),
  output: jsonObject,
  durationMs: z.number().nonnegative(),
  error: z.string().optional(),
  /**
   * With `error`, what kind it is of: who the agent asks outside, such as a model's provider, does not answer; or
   * this is a copy of another job, and what it asked for was not recorded then.
   */
  errorKind: z.enum(['provider-unavailable', 'not-recorded']).optional(),
  attempt: z.number().int().positive().optional(),
  usage: z.array(Usage).max(1000).optional(),
  actions: z.array(Action).max(10_000).optional(),
  toolCalls: z.array(ToolCall).max(10_000).optional(),
  confidence: z.number().min(0).max(1).optional(),
  riskTier: z.number().int().min(0).max(3).optional(),
  needsHuman: z.string().optional(),
  progress: z.unknown().optional(),
});
export type AgentRunResult = z.infer<typeof AgentRunResult>;

/** `GET /health` of an agent that is ready. */
export const AgentHealth = z.object({
  status: z.literal('ok'),
  agentId: z.string().optional(),
  version: z.string().optional(),
  bootId: z.string().optional(),
  mode: z.enum(['api', 'startup']).optional(),
});
export type AgentHealth = z.infer<typeof AgentHealth>;

/** `GET /status`: what the agent is doing, and its last result until the next job. */
export const AgentStatus = z.object({
  state: z.enum(['idle', 'running']),
  bootId: z.string().optional(),
  current: z
    .object({ runId: z.string(), stepId: z.string(), attempt: z.number().optional() })
    .loose()
    .optional(),
  last: AgentRunResult.optional(),
});
export type AgentStatus = z.infer<typeof AgentStatus>;

/** `POST {webhook}/claim`: an agent in startup mode asks for its job; also its ready signal. */
export const AgentClaim = z.object({
  agentId: id,
  bootId: z.string().min(1).max(200),
  secret: z.string().min(1).max(500),
});
export type AgentClaim = z.infer<typeof AgentClaim>;
