/** A protocol's policy: in which phases agents are trusted more and more, and what has to be true at its end. */
import { z } from 'zod';

/** Phases of one protocol, and days of one phase. */
const MAX_PHASES = 20;
const MAX_DAYS = 90;
const MAX_TYPES = 50;
const PERCENT = 100;

const share = z.number().min(0).max(1);
const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters');

const PhaseSchema = z.strictObject({
  name: text(60),
  /** Calendar days; the first phase's first day is the one on which the protocol is started. */
  days: z.number().int().min(1).max(MAX_DAYS),
  /** `supervised`: people approve every action. `by-rule`: the rules say what people approve. */
  mode: z.enum(['supervised', 'by-rule']),
  /** Types of action that people approve, whatever else the rules say; `email` is also `email.send`. */
  askTypes: z.array(text(200)).max(MAX_TYPES).optional(),
  /** Beside what is configured, the stricter of both: a single action that costs more, and confidence below. */
  spendUsd: z.number().min(0).max(1_000_000).optional(),
  confidence: share.optional(),
  /** How much of the declared caps on actions is allowed. */
  capPercent: z.number().int().min(1).max(PERCENT).default(PERCENT),
});
export type Phase = z.output<typeof PhaseSchema>;

/** Each left out is not asked for. */
const CriteriaSchema = z.strictObject({
  /** What agents did that they should not have. */
  maxIncidents: z.number().int().min(0).max(1_000).optional(),
  /** Of each agent's tasks that reported, how many have to succeed: its baseline, or this. */
  minSuccessRate: share.optional(),
  baselines: z.record(z.string().min(1).max(200), share).optional(),
  /** How far what agents say of their confidence may be from what came of it. */
  maxCalibrationError: share.optional(),
  /** Caps reached, breakers opened, costs that nobody could mean. */
  maxRunaways: z.number().int().min(0).max(1_000).optional(),
  /** More than this of the first proposals people decided on have to be approved as they were. */
  firstApprovalsAbove: share.optional(),
  /** Time in which no orchestrator was at work, but for what a switch over everything covered. */
  maxDowntimeSeconds: z.number().int().min(0).max(86_400).optional(),
  /** Fewer tasks or decisions say nothing about a share. */
  minSamples: z.number().int().min(1).max(10_000).default(10),
});
export type Criteria = z.output<typeof CriteriaSchema>;

export const PolicySchema = z.strictObject({
  name: text(100),
  phases: z.array(PhaseSchema).min(1).max(MAX_PHASES),
  criteria: CriteriaSchema,
});
export type Policy = z.output<typeof PolicySchema>;
