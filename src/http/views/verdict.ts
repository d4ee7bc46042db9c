/** Verdicts of the validation pipeline, and uses of agents, as the API shows them. */
import { z } from 'zod';
import type { PermissionBound } from '../../domain/release/permissions';
import type { AgentUse } from '../../domain/release/uses';
import { REPORTED_STAGES, type AgentSchemas, type StageVerdict } from '../../domain/release/validation';
import { VERDICTS } from '../../domain/rollout/verdict';
import { isoTime, jsonObject, shape } from '../schema';
import { iso } from './time';

export const ProfileBody = shape('ReleaseProfile', () =>
  z.strictObject({
    bootMs: z.number().min(0).describe('From its start to the first answer of GET /health.'),
    cpuMs: z.number().min(0).describe('Time on a processor, from its start to the end of the checks.'),
    peakRssBytes: z.number().min(0),
    machine: z.string().min(1).max(300).describe('Times of other machines are not compared.'),
  }),
);

export const SchemasBody = z.strictObject({ input: jsonObject.optional(), output: jsonObject.optional() });

export const VerdictView = shape('ReleaseVerdict', () =>
  z.object({
    id: z.guid(),
    releaseId: z.string(),
    stage: z.enum(REPORTED_STAGES),
    verdict: z.enum(VERDICTS),
    reason: z.string(),
    evidence: z.string().describe('SHA-256 of what it rests on.'),
    durationMs: z.number(),
    at: isoTime,
    by: z.string(),
    profile: ProfileBody.nullable().describe('Of `resources`: what was measured.'),
  }),
);

export const verdictView = ({
  at,
  profile,
  schemas: _,
  ...verdict
}: StageVerdict): z.infer<typeof VerdictView> => ({
  ...verdict,
  at: iso(at),
  profile: profile ?? null,
});

const UseView = z.object({
  workflowId: z.string(),
  stepId: z.string(),
  agentId: z.string(),
  gives: jsonObject.describe('What the workflow and the step fix of its input.'),
  after: z
    .array(z.object({ stepId: z.string(), agentId: z.string().nullable() }))
    .describe('The steps whose outputs are merged over that.'),
  isOpen: z.boolean().describe('Whoever starts the run may give more.'),
  reads: z
    .array(z.object({ path: z.array(z.string()), by: z.string() }))
    .describe('What other steps read of its output.'),
});

export const AgentUsesView = shape('AgentUses', () =>
  z.object({
    uses: z.array(UseView).describe('Steps that it does, and steps that are given its output.'),
    bounds: z
      .array(z.object({ of: z.string(), mend: z.string(), permits: z.array(z.string()) }))
      .describe(
        'What its releases may ask for in the environment that is worked by: by each of these rules.',
      ),
    schemas: z
      .record(z.string(), SchemasBody)
      .describe('What is known of what these agents take and give, by their ids: JSON Schemas.'),
  }),
);

export const agentUsesView = (
  uses: readonly AgentUse[],
  schemas: ReadonlyMap<string, AgentSchemas>,
  bounds: readonly PermissionBound[],
): z.infer<typeof AgentUsesView> => ({
  uses: [...uses],
  bounds: bounds.map((b) => ({ ...b, permits: [...b.permits] })),
  schemas: Object.fromEntries(schemas),
});
