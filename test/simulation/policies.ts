/**
 * Flow control and triggers: the workflows that use them, and what must hold of them. The books are kept by what is
 * committed and in true time; nothing of the engine that is watched is asked.
 */
import { isTerminal, type RunState } from '../../src/domain/run';
import type { RegistryInput } from '../../src/registry';
import type { Change, Store } from '../../src/store/store';
import { LIMITED } from './registry';

/** One at a time and few in a minute, the more urgent first, customers in turn, each order once. */
export const RANKED = {
  ...{ id: 'ranked', rate: { limit: 2, perSeconds: 60 }, deduplicatedSeconds: 3_600 },
  priority: { default: 0, min: 0, max: 9 },
} as const;
/** Of one customer's runs that come close together the last one starts. */
export const BURST = { id: 'burst', debounce: { seconds: 30, maxWaitSeconds: 90 } } as const;
/** Started by the end of each run of {@link RANKED}, by each event of this name, by each delivery. */
const FOLLOWER = 'follower';
export const NOTICED = { workflow: 'heard', event: 'noticed' } as const;
export const HOOKED = 'hooked';
const HOOK_SECRET = 'SIMULATED_HOOK_SECRET';
export const POLICY_ENV = { [HOOK_SECRET]: 'simulated-secret-of-a-sender' };

/** Between what a start was decided by and its commit: some calls of the store that take their time. */
const GRACE_MS = 20_000;
/** So often a run may be passed over by one that should have waited: by each orchestrator that decided before it came. */
const MAX_PASSED_OVER = 2;
const MINUTE_MS = 60_000;

export function policyWorkflows(retry: object): RegistryInput['workflows'] {
  const rest = { id: 'rest', sleep: { seconds: 1 } };
  const count = { id: 'count', agent: 'alpha', timeoutSeconds: 60, retry };
  return [
    {
      ...{ id: RANKED.id, name: 'Ranked', priority: RANKED.priority, rateLimit: RANKED.rate },
      concurrency: [{ limit: 1 }, { limit: 1, key: 'input.customer' }],
      deduplicate: { key: 'input.order', seconds: RANKED.deduplicatedSeconds },
      steps: [count],
    },
    {
      ...{ id: BURST.id, name: 'Burst', steps: [count] },
      debounce: { ...BURST.debounce, key: 'input.customer' },
    },
    { id: FOLLOWER, name: 'Follower', on: { run: { workflow: RANKED.id, status: 'any' } }, steps: [rest] },
    { id: NOTICED.workflow, name: 'Heard', on: { event: { name: NOTICED.event } }, steps: [rest] },
    {
      ...{ id: HOOKED, name: 'Hooked', steps: [rest] },
      on: { webhook: { secret: HOOK_SECRET, style: 'token' } },
    },
  ];
}

/** A run as the books have it. */
interface Entry {
  run: string;
  workflow: string;
  customer: string;
  priority: number;
  /** When it was committed. */
  at: number;
  /** When the first of those came whose place it takes. */
  firstAt: number;
  passedOver: number;
}

export interface PoliciesOptions {
  now: () => number;
  report: (violation: string) => void;
  /** Whether since then nobody was frozen and all clocks were right: who is decides late, or by a wrong time. */
  isCalmSince: (at: number) => boolean;
}

export class Policies {
  private readonly waiting = new Map<string, Entry>();
  private readonly underWay = new Map<string, Entry>();
  /** By customer, the run of a burst that was made last; of two of one moment, that of the higher id. */
  private readonly newest = new Map<string, Pick<RunState, 'id' | 'createdAt'>>();
  /** What started a run, and which. */
  private readonly causes = new Map<string, string>();
  /** When the last run of each order came. */
  private readonly orders = new Map<unknown, number>();
  /** Starts of {@link RANKED}, by customer the number of the last one, and when the last ones were. */
  private readonly served = new Map<string, number>();
  private starts: number[] = [];
  private started = 0;
  /** Bursts of which one run began, and runs that had to give way: what the campaign is good for. */
  readonly counts = { fired: 0, debounced: 0, ranked: 0 };

  constructor(private readonly options: PoliciesOptions) {}

  /** The store as the engine sees it, with every commit watched. */
  watch(store: Store): Store {
    return {
      ...store,
      commit: async (change) => {
        const result = await store.commit(change);
        if (result.ok && change.run) this.committed(change.run);
        return result;
      },
    };
  }

  private committed({ state, expect, input }: NonNullable<Change['run']>): void {
    const { id, workflowId, trigger, status } = state;
    const cause = causeOf(state);
    if (expect === 0 && cause !== undefined) this.startedBy(cause, id);
    const isWatched = [RANKED.id, BURST.id, LIMITED.id].includes(workflowId) && trigger.kind === 'api';
    if (!isWatched) return;
    if (expect === 0) this.enters(state, input ?? {});
    const waits = this.waiting.get(id);
    if (waits && status === 'running') {
      this.waiting.delete(id);
      this.begins(waits);
      this.underWay.set(id, waits);
    }
    if (!isTerminal(status)) return;
    if (waits && state.error?.message.startsWith('debounced')) this.givesWay(state, waits);
    this.waiting.delete(id);
    this.underWay.delete(id);
  }

  /** Each cause starts one run. */
  private startedBy(cause: string, run: string): void {
    const known = this.causes.get(cause);
    if (known !== undefined) this.options.report(`${cause} started run ${run} and run ${known}`);
    this.causes.set(cause, run);
  }

  private givesWay({ id }: RunState, { customer }: Entry): void {
    this.counts.debounced += 1;
    if (this.newest.get(customer)?.id === id)
      this.options.report(`run ${id} gave way although none came after it`);
  }

  private enters(state: RunState, input: Record<string, unknown>): void {
    const { id: run, workflowId, priority = 0, createdAt } = state;
    const at = this.options.now();
    const customer = String(input['customer']);
    const before = [...this.waiting.values()].filter(
      (e) => e.workflow === workflowId && e.customer === customer,
    );
    const firstAt = Math.min(at, ...before.map((e) => e.firstAt));
    this.waiting.set(run, { run, workflow: workflowId, customer, priority, at, firstAt, passedOver: 0 });
    if (workflowId === BURST.id && !isAfter(this.newest.get(customer), state))
      this.newest.set(customer, { id: run, createdAt });
    if (workflowId !== RANKED.id) return;
    const known = this.orders.get(input['order']) ?? -Infinity;
    this.orders.set(input['order'], at);
    // What a wrong clock wrote counts too: an order may be known until an hour that is not over, or over already.
    if (at - known < (RANKED.deduplicatedSeconds * 1_000) / 2)
      this.options.report(`run ${run} is the second one of order ${String(input['order'])}`);
  }

  private begins(entry: Entry): void {
    const { run, workflow, customer } = entry;
    const ofCustomer = [...this.underWay.values()].filter(
      (e) => e.workflow === workflow && e.customer === customer,
    );
    if (ofCustomer.length > 0 && workflow !== BURST.id)
      this.options.report(`run ${run} of ${customer} began while run ${ofCustomer[0]?.run} is under way`);
    if (workflow === BURST.id) this.fires(entry);
    if (workflow === RANKED.id) this.hasItsTurn(entry);
  }

  /** Of those that came close together the last one begins, when it has been quiet or went on for long. */
  private fires({ run, customer, at, firstAt }: Entry): void {
    const now = this.options.now();
    const { seconds, maxWaitSeconds } = BURST.debounce;
    this.counts.fired += 1;
    const later = [...this.waiting.values()].find(
      (e) => e.workflow === BURST.id && e.customer === customer && e.at > at && now - e.at > GRACE_MS,
    );
    const isCalm = this.options.isCalmSince(firstAt);
    if (later && isCalm) this.options.report(`run ${run} began although run ${later.run} takes its place`);
    const due = Math.min(at + seconds * 1_000, firstAt + maxWaitSeconds * 1_000);
    if (now < due - GRACE_MS && isCalm)
      this.options.report(`run ${run} began ${due - now} ms before its time was quiet`);
  }

  /** Nobody who is more urgent, or of a customer who was served longer ago, waits any longer for this one. */
  private hasItsTurn({ priority, customer, workflow }: Entry): void {
    const now = this.options.now();
    this.counts.ranked += 1;
    for (const other of this.waiting.values()) {
      if (other.workflow !== workflow || now - other.at < GRACE_MS) continue;
      const turn = this.turnOf(other.customer) < this.turnOf(customer);
      const isFirst = other.priority > priority || (other.priority === priority && turn);
      if (!isFirst || !this.options.isCalmSince(other.at)) continue;
      other.passedOver += 1;
      if (other.passedOver > MAX_PASSED_OVER)
        this.options.report(`run ${other.run} was passed over by ${other.passedOver} that come after it`);
    }
    this.served.set(customer, (this.started += 1));
    const { limit, perSeconds } = RANKED.rate;
    this.starts = [...this.starts.filter((at) => at > now - perSeconds * 1_000), now];
    // A full bucket at first, and what comes meanwhile.
    if (this.starts.length > 2 * limit && this.options.isCalmSince(now - 10 * MINUTE_MS))
      this.options.report(`${this.starts.length} runs of ${workflow} began within ${perSeconds} s`);
  }

  private turnOf(customer: string): number {
    return this.served.get(customer) ?? 0;
  }
}

const isAfter = (a: Pick<RunState, 'id' | 'createdAt'> | undefined, b: RunState): boolean =>
  a !== undefined && (a.createdAt > b.createdAt || (a.createdAt === b.createdAt && a.id > b.id));

/** What was asked for from outside, and taken. */
export interface Taken {
  /** Ids of events. */
  noticed: ReadonlySet<string>;
  /** The run that was answered to each delivery. */
  delivered: ReadonlyMap<string, string>;
}

/** What started a run by itself, apart from schedules and steps: it has to start this one and no other. */
function causeOf({ trigger, workflowId }: RunState): string | undefined {
  if (trigger.kind === 'run') return `the end of run ${trigger.of}`;
  if (trigger.kind === 'event' && workflowId === NOTICED.workflow) return `event ${trigger.eventId}`;
  if (trigger.kind === 'webhook') return `delivery ${trigger.delivery}`;
  return undefined;
}

/** What was to start a run and did not, once everything is over. That nothing starts two is seen at once. */
export function triggerViolations(runs: Iterable<RunState>, { noticed, delivered }: Taken): string[] {
  const all = [...runs];
  const started = new Map(all.map((run) => [causeOf(run), run.id] as const));
  const missing = [
    // Copies of runs, made to try a release, start nothing.
    ...all
      .filter(({ workflowId, trigger }) => workflowId === RANKED.id && trigger.kind === 'api')
      .map(({ id }) => `the end of run ${id}`),
    ...[...noticed].map((id) => `event ${id}`),
    ...[...delivered.keys()].map((id) => `delivery ${id}`),
  ].filter((cause) => !started.has(cause));
  const others = [...delivered].filter(([id, run]) => (started.get(`delivery ${id}`) ?? run) !== run);
  return [
    ...missing.map((cause) => `${cause} started no run`),
    ...others.map(([id, run]) => `delivery ${id} was answered with run ${run}, which it did not start`),
  ];
}
