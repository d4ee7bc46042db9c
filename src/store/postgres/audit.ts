import type { Pool } from 'pg';
import { found, matches, type FoundEntry, type LedgerFilter } from '../../domain/ledger/search';
import { GENESIS, type ChainedEntry } from '../../domain/ledger';
import type { LedgerRow } from '../../domain/ledger/verify';
import { CLOCK_SLACK_MS, type AuditStore, type LedgerEnd, type LedgerPage } from '../audit';

/** Entries read by one statement of a search that no index helps. */
const WINDOW = 50_000;
/** How long a search looks before it answers with what it has. */
const SEARCH_MS = 1_000;

/** The second and the fourth text of a body are its action and its actor: keys are in order. */
const ACTION = `split_part(body, '"', 4)`;
const ACTOR = `split_part(body, '"', 8)`;

interface Condition {
  sql: string;
  values: unknown[];
  /** An index finds what fits: there is no need to go window by window. */
  indexed: boolean;
}

export class AuditQueries {
  constructor(private readonly pool: Pool) {}

  store(): AuditStore {
    return {
      ledgerEnd: () => this.end(),
      ledgerRows: (after, limit) => this.rows(after, limit),
      searchLedger: (filter, limit, before) => this.search(filter, limit, before),
      ledgerSince: (time) => this.since(time),
    };
  }

  /** Both ends in one statement, so that a commit between them does not look like tampering. */
  private async end(): Promise<LedgerEnd> {
    const { rows } = await this.pool.query<LedgerEnd>(
      'SELECT seq, hash, coalesce((SELECT max(seq) FROM ledger), 0) AS last FROM ledger_head',
    );
    return rows[0] ?? { seq: 0, hash: GENESIS, last: 0 };
  }

  private async rows(after: number, limit: number): Promise<LedgerRow[]> {
    const { rows } = await this.pool.query<LedgerRow>({
      name: 'ledger_rows',
      text: 'SELECT seq, entity, id, body, hash FROM ledger WHERE seq > $1 ORDER BY seq LIMIT $2',
      values: [after, limit],
    });
    return rows;
  }

  private async search(filter: LedgerFilter, limit: number, before?: number): Promise<LedgerPage> {
    const { last } = await this.end();
    const upper = filter.to === undefined ? last + 1 : await this.since(filter.to + 2 * CLOCK_SLACK_MS);
    const lower = filter.from === undefined ? 1 : await this.since(filter.from);
    const condition = conditionOf(filter);
    const items: FoundEntry[] = [];
    const deadline = Date.now() + SEARCH_MS;
    let top = Math.min(before ?? Infinity, upper);
    // At least one window a call, so that every page gets on.
    do {
      const bottom = condition.indexed ? lower : Math.max(lower, top - WINDOW);
      const wanted = limit + 1 - items.length;
      const rows = await this.window(condition, bottom, top, wanted);
      items.push(...rows.map(found).filter(({ entry }) => matches(entry, filter)));
      top = rows.length === wanted ? (rows.at(-1) as ChainedEntry).seq : bottom;
    } while (items.length <= limit && top > lower && Date.now() < deadline);
    if (items.length > limit)
      return { items: items.slice(0, limit), next: (items[limit - 1] as FoundEntry).seq };
    return { items, next: top > lower ? top : null };
  }

  private async window(
    { sql, values }: Condition,
    bottom: number,
    top: number,
    limit: number,
  ): Promise<ChainedEntry[]> {
    const { rows } = await this.pool.query<ChainedEntry>(
      `SELECT seq, body, hash FROM ledger WHERE seq >= $1 AND seq < $2 ${sql} ORDER BY seq DESC LIMIT $3`,
      [bottom, top, limit, ...values],
    );
    return rows;
  }

  /** Entries are nearly in the order of their times: halving finds a time without an index to keep up. */
  private async since(time: number): Promise<number> {
    const target = time - CLOCK_SLACK_MS;
    let [low, high] = [1, (await this.end()).last + 1];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const { rows } = await this.pool.query<{ at: number }>(
        `SELECT (body::json->>'at')::bigint AS at FROM ledger WHERE seq >= $1 ORDER BY seq LIMIT 1`,
        [middle],
      );
      if ((rows[0]?.at ?? Infinity) >= target) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Narrows down in SQL; what exactly fits is decided by `matches`. Parameters begin with $4. */
function conditionOf({ actor, action, entity, id, runId }: LedgerFilter): Condition {
  const values: unknown[] = [];
  const parts: string[] = [];
  const value = (given: unknown) => `$${values.push(given) + 3}`;
  if (entity !== undefined) parts.push(`entity = ${value(entity)}`);
  if (id !== undefined) parts.push(`id = ${value(id)}`);
  if (runId !== undefined) {
    const run = value(runId);
    parts.push(
      `(entity = 'run' AND id = ${run} OR body LIKE '%,"runId":"%' AND body::json->>'runId' = ${run})`,
    );
  }
  if (action !== undefined && isPlain(action)) {
    parts.push(
      action.endsWith('.*')
        ? `starts_with(${ACTION}, ${value(action.slice(0, -1))})`
        : `${ACTION} = ${value(action)}`,
    );
  }
  const person = actor !== undefined && actor !== 'engine' && !actor.startsWith('agent:') && isPlain(actor);
  if (actor !== undefined && isPlain(actor)) parts.push(`${ACTOR} = ${value(actor)}`);
  // As the partial index has it.
  if (person) parts.push(`${ACTOR} <> 'engine' AND ${ACTOR} NOT LIKE 'agent:%'`);
  const indexed = (entity !== undefined && id !== undefined) || runId !== undefined || person;
  return { sql: parts.map((part) => `AND ${part}`).join(' '), values, indexed };
}

/** Written into a body as it is. */
const isPlain = (text: string): boolean => JSON.stringify(text) === `"${text}"`;
