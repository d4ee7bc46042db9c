/** What happened since a protocol began, from the record. */
import type { AlertKind } from '../../domain/alert';
import type { Memo } from '../../domain/approval/memo';
import type { Evidence } from '../../domain/protocol/judge';
import { NO_TALLY, type Protocol } from '../../domain/protocol/protocol';
import type { Store } from '../../store/store';

/** Alerts that tell of an agent that ran away. */
const RUNAWAY: readonly AlertKind[] = ['cap-reached', 'breaker-open', 'overspent'];
const PAGE = 500;
/** Pages of one list at most: half a million memos of one agent in a week are no evidence any more. */
const MAX_PAGES = 1_000;

type Reads = Pick<Store, 'standing' | 'memos' | 'alerts'>;

export async function gather(store: Reads, protocol: Protocol, until: number): Promise<Evidence> {
  const { startedAt, downtimes } = protocol;
  const within = (at: number) => at >= startedAt && at <= until;
  const agents = await Promise.all(protocol.agents.map((id) => since(store, protocol, id)));
  const alerts = await pages(
    (cursor) => store.alerts({}, PAGE, cursor),
    (a) => a.raisedAt,
    startedAt,
  );
  const memos: Memo[] = [];
  for (const agentId of protocol.agents)
    memos.push(
      ...(await pages(
        (cursor) => store.memos({ agentId }, PAGE, cursor),
        (m) => m.requestedAt,
        startedAt,
      )),
    );
  const first = memos.filter(
    ({ kind, round, requestedAt }) => kind === 'action' && round === 1 && within(requestedAt),
  );
  const decided = first.filter(({ state }) => state !== 'requested' && state !== 'withdrawn');
  return {
    agents,
    firstProposals: {
      decided: decided.length,
      approved: decided.filter(({ state }) => state === 'approved').length,
    },
    runaways: alerts
      .filter(({ kind, raisedAt }) => RUNAWAY.includes(kind) && within(raisedAt))
      .map(({ kind, subject }) => `${kind} of ${subject}`),
    downtimes,
  };
}

/** What an agent did since; what it had done before is in the protocol. */
async function since(store: Reads, { base }: Protocol, agentId: string) {
  const { counts, tally = NO_TALLY } = await store.standing(agentId);
  const before = base[agentId] ?? { ...NO_TALLY, incidents: 0 };
  return {
    agentId,
    incidents: counts.incidents - before.incidents,
    tasks: tally.tasks - before.tasks,
    succeeded: tally.succeeded - before.succeeded,
    stated: tally.stated - before.stated,
    statedSum: tally.statedSum - before.statedSum,
    statedSucceeded: tally.statedSucceeded - before.statedSucceeded,
  };
}

/** Everything of a list, newest first, back to a time. */
async function pages<T>(
  page: (cursor?: string) => Promise<{ items: T[]; nextCursor: string | null }>,
  at: (item: T) => number,
  from: number,
): Promise<T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  for (let n = 0; n < MAX_PAGES; n += 1) {
    const { items, nextCursor } = await page(cursor);
    all.push(...items.filter((item) => at(item) >= from));
    const oldest = items.at(-1);
    if (nextCursor === null || !oldest || at(oldest) < from) return all;
    cursor = nextCursor;
  }
  return all;
}
