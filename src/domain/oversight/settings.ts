/** How an agent is overseen, as the registry says it. */
import { z } from 'zod';

const MINUTE = 60;
const DAY = 86_400;

export const OversightSettings = z.strictObject({
  /**
   * `supervised`: a person approves every action, always. `by-rule`: so at first; promoted to the rules alone after
   * `promoteAfter` successful supervised actions, and back on an incident. `autonomous`: by the rules alone from
   * the beginning, and supervised after an incident.
   */
  mode: z.enum(['supervised', 'by-rule', 'autonomous']),
  /** What may go on without a person; left out: the installation's. */
  rules: z
    .strictObject({
      spendUsd: z.number().min(0).max(1_000_000).optional(),
      confidence: z.number().min(0).max(1).optional(),
      reach: z.number().int().min(0).max(1_000_000_000).optional(),
      riskTier: z.number().int().min(0).max(3).optional(),
      /** Types of action that are always asked for; `email` is also `email.send`. */
      askTypes: z.array(z.string().min(1).max(200)).max(100).readonly().optional(),
    })
    .prefault({}),
  promoteAfter: z.number().int().min(1).max(100_000).default(50),
  /** How many people have to approve. */
  quorum: z.number().int().min(1).max(20).default(1),
  /** Nobody decided: it is refused. */
  expireSeconds: z
    .number()
    .int()
    .min(1)
    .max(30 * DAY)
    .default(DAY),
  /** Nobody decided yet: more people are told. */
  escalateSeconds: z
    .number()
    .int()
    .min(1)
    .max(30 * DAY)
    .default(60 * MINUTE),
  /** After a no: the step fails, or the agent is told why and proposes something else. */
  onReject: z.enum(['fail', 'propose-again']).default('fail'),
  /** How often it may propose for one step. */
  maxRounds: z.number().int().min(1).max(10).default(3),
});
export type OversightSettings = z.output<typeof OversightSettings>;

/** Of an agent that is not overseen. */
export const NOT_OVERSEEN: OversightSettings = OversightSettings.parse({ mode: 'autonomous' });

/** How many people a proposal may reach, and from which tier of risk on a person is asked. */
export const DEFAULT_REACH = 100;
export const DEFAULT_RISK_TIER = 2;
