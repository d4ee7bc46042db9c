/** What agents call: the webhook with a result, and the claim of a job at startup. */
import { z } from 'zod';
import { AgentClaim, AgentRunRequest, AgentRunResult } from '../../contract';
import type { SettleOutcome } from '../../engine/settle';
import { signatureFault, signatureHeaders } from '../../standard-webhooks';
import { sameSecret } from '../auth';
import type { AppDeps } from '../deps';
import { unavailable } from '../failures';
import type { ProblemCode } from '../problem-catalogue';
import { Problem } from '../problems';
import { tellSignature } from '../record';
import { json, route, type HttpContext, type Reply } from '../route';
import { name, shape } from '../schema';

const tag = 'agents';
/** Compared with when an agent is unknown or has no secret, so that the answer takes as long. */
const NO_SECRET = '';

const REFUSALS: Record<Extract<SettleOutcome, { kind: 'refused' }>['reason'], ProblemCode> = {
  forged: 'callback-forged',
  expired: 'callback-expired',
  revoked: 'callback-revoked',
  mismatch: 'callback-mismatch',
  'unknown-run': 'run-not-found',
};

export const webhook = route({
  method: 'post',
  path: '/webhook',
  operationId: 'deliverResult',
  tag,
  summary: 'An agent delivers its result',
  description:
    'Answered with 200 only once the result is durable; on 503 the agent sends it again. The token of the URL ' +
    'authenticates it. A Standard Webhooks signature, where the agent holds a secret, is checked in addition.',
  access: 'callback',
  query: z.object({ token: z.string().min(1).max(1_000).describe('Part of the URL the agent was given.') }),
  body: name('AgentRunResult', AgentRunResult),
  bodyLimit: 'webhook',
  recorded: 'result',
  responses: {
    200: {
      description:
        'settled: it counts. duplicate: it was known. late: the attempt was over; recorded, changes nothing.',
      schema: shape('ResultAccepted', () => z.object({ status: z.enum(['settled', 'duplicate', 'late']) })),
    },
  },
  problems: [
    'callback-forged',
    'callback-expired',
    'callback-revoked',
    'callback-mismatch',
    'signature-invalid',
    'run-not-found',
    'body-too-large',
  ],
  handle: ({ query, body, ...http }, deps) => answer(settle(query.token, body, http, deps)),
});

/** What an agent is told of its result. */
export async function answer(settling: Promise<SettleOutcome>): Promise<Reply> {
  const outcome = await settling.catch((error: unknown) => {
    // Whatever it was: the result is not durable, so the agent has to keep it.
    throw error instanceof Problem ? error : unavailable(error);
  });
  if (outcome.kind === 'refused') throw new Problem(REFUSALS[outcome.reason]);
  return json({ status: outcome.kind });
}

async function settle(
  token: string,
  result: AgentRunResult,
  http: HttpContext,
  deps: AppDeps,
): Promise<SettleOutcome> {
  const headers = signatureHeaders(http.req.headers);
  if (headers) {
    const keys = await keysOf(result, deps);
    const fault = keys.length > 0 ? signatureFault(headers, http.rawBody, keys, deps.clock.now()) : undefined;
    if (keys.length > 0) tellSignature(http.res, fault);
    if (fault !== undefined) throw new Problem('signature-invalid', { detail: `The signature: ${fault}.` });
  }
  return deps.engine.result(token, result);
}

/** The keys of the agent that a result's step was given to; none if it holds none, or is not known. */
async function keysOf({ runId, stepId }: AgentRunResult, { engine, registry }: AppDeps): Promise<string[]> {
  const run = await engine.runs.get(runId);
  const plan = run?.state.plan.find((p) => p.id === stepId);
  const agent = plan?.kind === 'agent' ? registry.findAgent(plan.agentId) : undefined;
  return agent?.secrets.map((secret) => secret.reveal()) ?? [];
}

export const claim = route({
  method: 'post',
  path: '/webhook/claim',
  operationId: 'claimJob',
  tag,
  summary: 'An agent in startup mode asks for its job',
  description: 'Also its ready signal. The agent proves itself by the secret the registry has for it.',
  access: 'agent',
  body: name('AgentClaim', AgentClaim),
  recorded: 'claim',
  responses: {
    200: { description: 'The job.', schema: name('AgentRunRequest', AgentRunRequest) },
    204: { description: 'There is no job for it.' },
  },
  problems: ['claim-refused'],
  handle: async ({ body }, { engine, registry }) => {
    const secrets = registry.findAgent(body.agentId)?.secrets.map((s) => s.reveal()) ?? [];
    const candidates = secrets.length > 0 ? secrets : [NO_SECRET];
    // Every key is compared: neither the time nor the answer tells unknown agents from wrong secrets.
    const matches = candidates.map((secret) => sameSecret(secret, body.secret)).includes(true);
    if (secrets.length === 0 || !matches) throw new Problem('claim-refused');
    const request = await engine.claim(body);
    return request ? json(request) : { kind: 'empty', status: 204 };
  },
});
