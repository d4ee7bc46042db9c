import type { Pool, QueryResultRow } from 'pg';
import type { BreakerState, TaskRef } from '../../domain/breaker';
import { ledgerBody, type LedgerEntry } from '../../domain/ledger';
import type { BreakerStore } from '../breakers';
import { replaceUnstorable, storableJson } from '../json';

interface Row extends QueryResultRow {
  state: BreakerState;
  trial: TaskRef | null;
  version: number;
}

/** Breakers, and the buckets that rates are kept in. */
export class BreakerQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): BreakerStore {
    return {
      breaker: (agentId) => this.one(agentId),
      breakers: (limit) => this.list(limit),
      saveBreaker: (state, version, entry) => this.save(state, version, entry),
      holdBucket: (bucket, fullAtUs) => this.hold(bucket, fullAtUs),
    };
  }

  private async one(agentId: string) {
    const { rows } = await this.pool.query<Row>(
      'SELECT state, trial, version FROM breakers WHERE agent_id = $1',
      [agentId],
    );
    return rows[0] && { state: toState(rows[0]), version: rows[0].version };
  }

  private async list(limit: number): Promise<BreakerState[]> {
    const { rows } = await this.pool.query<Row>(
      'SELECT state, trial, version FROM breakers ORDER BY agent_id LIMIT $1',
      [limit],
    );
    return rows.map(toState);
  }

  private async save(state: BreakerState, version: number, entry?: LedgerEntry): Promise<boolean> {
    const change = entry && {
      at: entry.at,
      ledger: [{ entity: entry.entity, id: entry.id, body: replaceUnstorable(ledgerBody(entry)) }],
    };
    const { rows } = await this.pool.query<{ written: boolean }>(
      'SELECT save_breaker($1, $2, $3) AS written',
      [storableJson(state), version, change ? storableJson(change) : null],
    );
    return rows[0]?.written === true;
  }

  private async hold(bucket: string, fullAtUs: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO flow_buckets AS known (bucket, full_at_us) VALUES ($1, $2)
       ON CONFLICT (bucket) DO UPDATE SET full_at_us = greatest(known.full_at_us, EXCLUDED.full_at_us)`,
      [bucket, fullAtUs],
    );
  }
}

const toState = ({ state, trial }: Row): BreakerState => ({ ...state, ...(trial && { trial }) });
