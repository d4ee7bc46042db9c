/** Reads what the sentence about a run that does not move is made of. */
import { childId } from './children';
import { heldText } from '../domain/budget';
import { CHILD_STATES, placesOf } from '../domain/children';
import { why, type CapsuleSeen, type WhySeen } from '../domain/flow';
import { isTerminal, planOf, stepOf, type RunState, type StepState } from '../domain/run';
import { admitBegin } from '../guards/admit';
import type { Registry } from '../registry';
import type { LeaseRequest, Store } from '../store/store';
import type { Clock } from './ports';

/** Runs and steps looked at in one place; the sentence names a few of them and counts the rest. */
const MAX_SEEN = 1_000;

interface Sources {
  store: Store;
  registry: Pick<Registry, 'findAgent'>;
  clock: Pick<Clock, 'now'>;
  engine?: { guards: { environment: string | undefined }; budgets: { zone: string } };
}

/** Why a run does not move; null while it does, and once it is over. */
export async function whyOf(run: RunState, sources: Sources): Promise<string | null> {
  if (isTerminal(run.status)) return null;
  const seen: WhySeen = {
    now: sources.clock.now(),
    ...(await queueOf(run, sources.store)),
    capsules: await byStep(run, 'waiting', (step) => capsuleOf(run, step, sources)),
    held: await heldSteps(run, sources),
    children: await byStep(run, 'parked', async (step) => openChildren(run, step)),
    keys: await byStep(run, 'parked', async ({ id, attempt }) => {
      if (planOf(run, id).kind !== 'event') return undefined;
      return (await sources.store.waitOf(run.id, id, attempt))?.key;
    }),
  };
  return why(run, seen);
}

/** Whether a switch, a breaker or a budget holds one of its steps, until it is released. */
export async function isHeld(run: RunState, sources: Sources): Promise<boolean> {
  return !isTerminal(run.status) && (await heldSteps(run, sources)).size > 0;
}

/** What the gate says of the steps that wait for an agent, as the record has it now. */
async function heldSteps(
  run: RunState,
  { store, engine, clock }: Sources,
): Promise<ReadonlyMap<string, string>> {
  if (!run.steps.some((s) => s.status === 'waiting')) return new Map();
  const [{ switches }, all, held] = await Promise.all([
    store.guardReading(),
    store.breakers(MAX_SEEN),
    store.heldLeases(MAX_SEEN, run.id),
  ]);
  const zone = engine?.budgets.zone ?? 'UTC';
  const budgets = new Map(
    held.map(({ stepId, use, estimate }) => [stepId, heldText(use, zone, clock.now(), estimate)]),
  );
  const breakers = new Map(all.map((b) => [b.agentId, b]));
  const environment = engine?.guards.environment;
  return byStep(run, 'waiting', async ({ id }) => {
    const plan = planOf(run, id);
    if (plan.kind !== 'agent') return undefined;
    const scope = { agentId: plan.agentId, workflowId: run.workflowId, environment };
    const verdict = admitBegin({ switches, breakers }, scope);
    const money = budgets.get(id);
    if (verdict.verdict === 'proceed' && money !== undefined) return money;
    return verdict.verdict === 'proceed' ? undefined : verdict.reason;
  });
}

async function byStep<T>(
  run: RunState,
  status: StepState['status'],
  read: (step: StepState) => Promise<T | undefined>,
): Promise<ReadonlyMap<string, T>> {
  const found = new Map<string, T>();
  for (const step of run.steps.filter((s) => s.status === status)) {
    const value = await read(step);
    if (value !== undefined) found.set(step.id, value);
  }
  return found;
}

async function queueOf({ id, status, flow, workflowId }: RunState, store: Store) {
  const underWay = new Map<string, string[]>();
  const none = { use: { held: new Map(), fullAtUs: new Map() }, underWay, active: [] };
  if (status !== 'queued') return none;
  if (!flow) {
    const open = await store.openRuns(workflowId, MAX_SEEN);
    const active = open.filter((r) => r.status === 'running' && r.id !== id).map((r) => r.id);
    return { ...none, active };
  }
  const gates = flow.gates.map((gate) => gate.id);
  for (const gate of gates) {
    const members = await store.flowMembers(gate, MAX_SEEN);
    underWay.set(
      gate,
      members.filter((m) => m.started).map((m) => m.runId),
    );
  }
  return { ...none, use: await store.flowUse(gates, flow.rate ? [flow.rate.id] : []) };
}

async function capsuleOf(
  run: RunState,
  { id, capsuleId = '' }: StepState,
  { store, registry }: Sources,
): Promise<CapsuleSeen | undefined> {
  const plan = planOf(run, id);
  const record = await store.capsule(capsuleId);
  if (!record || plan.kind !== 'agent') return undefined;
  const slots = registry.findAgent(plan.agentId)?.concurrency ?? 1;
  const [holders, waiting] = await Promise.all([
    store.holders(capsuleId),
    store.waiting(capsuleId, MAX_SEEN),
  ]);
  const mine = waiting.findIndex((w) => w.runId === run.id && w.stepId === id);
  return {
    state: record.state,
    slots,
    holders: await Promise.all(holders.slice(0, slots).map((holder) => withItsDeadline(holder, store))),
    ahead: waiting.slice(0, Math.max(0, mine)).map(({ runId, stepId }) => ({ runId, stepId })),
  };
}

async function withItsDeadline({ runId, stepId }: LeaseRequest, store: Store) {
  const run = (await store.run(runId))?.state;
  const deadline = run && stepOf(run, stepId)?.deadline;
  return { runId, stepId, ...(deadline !== undefined && { deadline }) };
}

function openChildren(run: RunState, { id, attempt, children }: StepState): string[] | undefined {
  if (children === undefined) return undefined;
  return placesOf(children, CHILD_STATES.running).map((index) => childId(run.id, id, attempt, index));
}
