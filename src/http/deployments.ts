/** The operations of the deployment API: one implementation behind HTTP and gRPC. */
import { z } from 'zod';
import { Sha256 } from '../domain/release/manifest';
import {
  approvalRefusal,
  isOwn,
  type ApprovalRefusal,
  type RolloutApproval,
} from '../domain/rollout/approval';
import { parseStrategy } from '../domain/rollout/parse-strategy';
import { isRolloutOver, type Rollout, type RolloutEvent } from '../domain/rollout/rollout';
import type { Strategy, StrategyName } from '../domain/rollout/strategy';
import type { By } from '../engine/releases';
import type { Principal } from './auth-people';
import type { AppDeps } from './deps';
import { Problem } from './problems';
import { idText, jsonObject } from './schema';
import { rolloutView, type RolloutView } from './views/release';

/** Who asks. */
export interface Caller {
  /** For the ledger. */
  actor: string;
  principal: Principal | undefined;
}

export type Deployment = z.infer<typeof RolloutView>;
type Deps = Pick<AppDeps, 'engine' | 'store' | 'registry' | 'clock'>;

const MAX_REASON = 500;
/** Words of people, for the ledger. */
export const reasonText = z
  .string()
  .trim()
  .min(1)
  .max(MAX_REASON)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters');
const reason = reasonText.optional().describe('For the ledger.');
const environment = idText.optional().describe('Left out: the one this installation works by.');
/** As people write it in YAML or JSON. */
const deployment = jsonObject.describe(
  '`{ strategy, stages, rollback_on, cost_cap, duration, compare }`, as docs/releases.md writes them; left out: the defaults.',
);

/** A new one for each name that it has in the OpenAPI document. */
export const deployBody = () =>
  z.strictObject({
    ...{ agentId: idText, environment, releaseId: Sha256, reason },
    deployment: deployment.optional(),
  });
export type DeployBody = z.infer<ReturnType<typeof deployBody>>;

export const PromoteBody = z.strictObject({ reason: reasonText });
export const RollbackBody = z.strictObject({ environment, reason });
export const rolloutParams = z.object({ rolloutId: z.guid().toLowerCase() });
export const agentParams = z.object({ agentId: idText });

/**
 * Begins to move a pointer.
 * @param wanted the strategy, where the body names none
 */
export async function deploy(
  body: DeployBody,
  wanted: StrategyName,
  caller: Caller,
  deps: Deps,
): Promise<Deployment> {
  const { engine } = deps;
  const { agentId, releaseId, environment: name = engine.releases.environment } = body;
  const strategy = strategyOf(body.deployment ?? { strategy: wanted }, wanted);
  const wish = { agentId, environment: name, releaseId, strategy };
  const answer = await engine.rollouts.begin(wish, byOf(caller, body.reason));
  switch (answer.kind) {
    case 'begun':
      return rolloutView(answer.rollout);
    case 'unknown-agent':
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    case 'unknown-release':
      throw new Problem('release-not-found', { detail: `There is no release ${releaseId} of ${agentId}.` });
    case 'under-way':
      return refused(`A rollout of ${agentId} in ${name} is under way: wait for it, or abort it.`);
    case 'is-stable':
      return refused(`It is stable in ${name} already.`);
    case 'no-stable':
      return refused(`${agentId} has no release in ${name} to compare it with: deploy the first directly.`);
    case 'not-promoted':
      return refused(`The policy of ${name} takes only what is stable in ${answer.from}.`);
    case 'not-validated':
      return refused(answer.reason);
  }
}

/** @throws Problem that names each place of the document that is wrong */
export function strategyOf(document: Record<string, unknown>, wanted: StrategyName): Strategy {
  const inner = 'deployment' in document ? (document['deployment'] as Record<string, unknown>) : document;
  const named =
    wanted !== 'direct' && inner?.['strategy'] === undefined ? { ...inner, strategy: wanted } : inner;
  const parsed = parseStrategy(named);
  if (!parsed.ok) {
    const errors = parsed.problems.map((p) => ({ field: `body.deployment.${p.at}`, message: p.message }));
    throw new Problem('invalid-request', { detail: `${errors[0]?.field}: ${errors[0]?.message}`, errors });
  }
  if (wanted !== 'direct' && parsed.strategy.name !== wanted)
    refused(`The strategy is ${parsed.strategy.name}: POST it to /deployments.`);
  return parsed.strategy;
}

/** Answers for what a stage could not tell. */
export async function promote(
  rolloutId: string,
  { reason: why }: z.infer<typeof PromoteBody>,
  caller: Caller,
  deps: Deps,
): Promise<Deployment> {
  const rollout = await rolloutOf(rolloutId, deps);
  const { actor, principal } = caller;
  const maker = await makerOf(rollout, deps);
  if (principal && isOwn({ by: principal.id, owner: principal.owner }, maker))
    refused('Who made a release does not answer for it: ask somebody else.');
  needs(rollout, 'paused');
  const verdict = { verdict: 'pass' as const, reason: why, evidence: [], at: deps.clock.now(), by: actor };
  return apply(rollout, { type: 'accept', verdict }, byOf(caller, why), deps);
}

/** Has the stage that could not tell done once more. */
export async function retry(rolloutId: string, caller: Caller, deps: Deps): Promise<Deployment> {
  const rollout = await rolloutOf(rolloutId, deps);
  needs(rollout, 'paused');
  return apply(rollout, { type: 'retry' }, byOf(caller), deps);
}

/** Ends a rollout and puts the pointers back. */
export async function abort(
  rolloutId: string,
  why: string | undefined,
  caller: Caller,
  deps: Deps,
): Promise<Deployment> {
  const rollout = await rolloutOf(rolloutId, deps);
  if (rollout.status === 'done') refused(`It is done: POST /agents/${rollout.agentId}/rollback goes back.`);
  const reasonGiven = why ?? 'aborted by a person';
  return apply(rollout, { type: 'abort', reason: reasonGiven }, byOf(caller, reasonGiven), deps);
}

const NO: Record<ApprovalRefusal, string> = {
  'not-asked': 'It waits for nobody’s approval.',
  own: 'Who made a release, or began its rollout, does not approve it: ask somebody else.',
  voted: 'You approved it already: it takes somebody else.',
  expired: 'The time for approvals is over, which is a no: begin anew.',
};

/** Somebody's yes, where the policy of the environment asks for it. */
export async function approve(
  rolloutId: string,
  why: string | undefined,
  caller: Caller,
  deps: Deps,
): Promise<Deployment> {
  const rollout = await rolloutOf(rolloutId, deps);
  const { actor: by, principal } = caller;
  const approval: RolloutApproval = {
    ...{ by, owner: principal?.owner ?? by, at: deps.clock.now() },
    ...(why !== undefined && { reason: why }),
  };
  const makers = [
    ...(await makerOf(rollout, deps)),
    ...(rollout.begunBy === undefined ? [] : [rollout.begunBy]),
  ];
  const refusal = approvalRefusal(rollout, approval, makers);
  if (refusal) refused(NO[refusal]);
  return apply(rollout, { type: 'approved', approval }, byOf(caller, why), deps);
}

/** Back to the last good release, at once. */
export async function rollback(
  agentId: string,
  body: z.infer<typeof RollbackBody>,
  caller: Caller,
  { engine, registry }: Deps,
): Promise<{ agentId: string; environment: string; releaseId: string }> {
  if (!registry.findAgent(agentId))
    throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
  const name = body.environment ?? engine.releases.environment;
  const done = await engine.rollouts.rollback(agentId, name, byOf(caller, body.reason));
  if (done.kind === 'nothing') refused(`There is no release of ${agentId} in ${name} to go back to.`);
  return { agentId, environment: name, releaseId: done.releaseId };
}

/** As it stands now. */
export async function getDeployment(rolloutId: string, deps: Deps): Promise<Deployment> {
  return viewOf(await rolloutOf(rolloutId, deps), deps);
}

/** What one of its verdicts rests on. */
export async function evidenceOf(
  rolloutId: string,
  hash: string,
  deps: Deps,
): Promise<Record<string, unknown>> {
  const { verdicts } = await rolloutOf(rolloutId, deps);
  const isOurs = verdicts.some((v) => v.evidence.includes(hash));
  const content = isOurs ? await deps.store.releasePart(hash) : undefined;
  if (!content)
    throw new Problem('rollout-not-found', {
      detail: `No verdict of rollout ${rolloutId} rests on ${hash}.`,
    });
  return JSON.parse(content.toString('utf8')) as Record<string, unknown>;
}

async function rolloutOf(id: string, { store }: Pick<Deps, 'store'>): Promise<Rollout> {
  const found = await store.rollout(id);
  if (!found) throw new Problem('rollout-not-found', { detail: `There is no rollout ${id}.` });
  return found.state;
}

/** Who made the release, by name, and as the person behind a key. */
async function makerOf({ candidate }: Rollout, { store }: Pick<Deps, 'store'>): Promise<string[]> {
  const by = (await store.release(candidate))?.createdBy;
  if (by === undefined) return [];
  const owner = by.startsWith('key:') ? (await store.key(by.slice('key:'.length)))?.owner : undefined;
  return [by, ...(owner === undefined ? [] : [owner])];
}

function needs({ status }: Rollout, needed: Rollout['status']): void {
  const over = isRolloutOver(status) ? ', and over' : '';
  if (status !== needed) refused(`It is ${status}${over}; only one that is ${needed} takes that.`);
}

async function apply(rollout: Rollout, event: RolloutEvent, by: By, deps: Deps): Promise<Deployment> {
  const now = await deps.engine.rollouts.apply(rollout.id, event, by);
  return viewOf(now ?? rollout, deps);
}

const viewOf = async (rollout: Rollout, { engine }: Pick<Deps, 'engine'>): Promise<Deployment> =>
  rolloutView(rollout, await engine.rollouts.judgement(rollout));

const byOf = ({ actor, principal }: Caller, why?: string): By => ({
  ...{ actor, owner: principal?.owner ?? actor },
  ...(why !== undefined && { reason: why }),
});

function refused(detail: string): never {
  throw new Problem('rollout-refused', { detail });
}
