/** Environments: where the pointers of each agent stand, and by which rules they may be moved. */
import { z } from 'zod';
import { MAX_APPROVALS } from '../../domain/rollout/approval';
import { MAX_DURATION_MS } from '../../domain/rollout/words';
import { MAX_ALLOWED, VALIDATION_STAGES } from '../../domain/release/environment';
import { withPolicy } from '../../domain/release/policy';
import { permits } from '../../registry/schema';
import { agentParams, reasonText } from '../deployments';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape } from '../schema';
import { EnvironmentView, environmentView } from '../views/release';

const tag = 'releases';

export const listEnvironments = route({
  method: 'get',
  path: '/environments',
  operationId: 'listEnvironments',
  tag,
  summary: 'Where the pointers of each agent stand, and by which rules they move',
  access: 'viewer',
  responses: {
    200: {
      description: 'All of them.',
      schema: shape('EnvironmentList', () =>
        z.object({ current: z.string(), items: z.array(EnvironmentView) }),
      ),
    },
  },
  problems: [],
  handle: async (_input, { store, engine }) => {
    const items = (await store.environments()).map(environmentView);
    return json({ current: engine.releases.environment, items });
  },
});

const SetPolicy = shape('SetPolicy', () =>
  z.strictObject({
    promoteFrom: idText.nullable().optional().describe('Only what is stable there may come here; null: any.'),
    approvals: z
      .number()
      .int()
      .min(0)
      .max(MAX_APPROVALS)
      .optional()
      .describe('People who have to say yes before a release gets work.'),
    demands: z
      .array(z.enum(VALIDATION_STAGES))
      .max(VALIDATION_STAGES.length)
      .optional()
      .describe('Validations that a release has to have passed.'),
    allow: z
      .array(idText)
      .max(MAX_ALLOWED)
      .optional()
      .describe('Keys whose work always goes to the candidate.'),
    stickyBy: idText
      .nullable()
      .optional()
      .describe('The field of a run’s input that work sticks to a release by; null: each run by itself.'),
    keepPreviousWarmMs: z
      .number()
      .int()
      .min(0)
      .max(MAX_DURATION_MS)
      .optional()
      .describe('How long the release before stays awake; 0: not at all.'),
    tolerancePercent: z
      .number()
      .int()
      .min(0)
      .max(1_000)
      .nullable()
      .optional()
      .describe('How much more time and memory than the one before a release may take; null: the default.'),
    permissions: permits
      .nullable()
      .optional()
      .describe('What releases may ask for, with * for anything; null: nothing is said.'),
    reason: reasonText.optional().describe('For the ledger.'),
  }),
);

export const setEnvironmentPolicy = route({
  method: 'post',
  path: '/agents/:agentId/environments/:environment/policy',
  operationId: 'setEnvironmentPolicy',
  tag,
  summary: 'Set the rules of an environment',
  description:
    'What is left out stays as it is. A rollout under way goes on by the rules that it began with.',
  access: 'admin',
  params: agentParams.extend({ environment: idText }),
  body: SetPolicy,
  responses: { 200: { description: 'As it stands now.', schema: EnvironmentView } },
  problems: ['agent-not-found'],
  handle: async ({ params: { agentId, environment }, body, actor }, { engine, registry }) => {
    if (!registry.findAgent(agentId))
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    const { reason, ...wish } = body;
    if (wish.promoteFrom === environment) {
      const [at, message] = ['body.promoteFrom', 'is this environment itself: name the one before it'];
      throw new Problem('invalid-request', { detail: `${at}: ${message}`, errors: [{ field: at, message }] });
    }
    const { policy } = await engine.releases.load(agentId, environment);
    const by = { actor, ...(reason !== undefined && { reason }) };
    const what = { type: 'policy' as const, policy: withPolicy(policy, wish) };
    const decision = await engine.releases.change(agentId, environment, what, by);
    return json(environmentView(decision.ok ? decision.environment : decision.before));
  },
});
