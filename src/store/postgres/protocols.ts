import type { Pool } from 'pg';
import type { LedgerEntry } from '../../domain/ledger';
import type { Protocol } from '../../domain/protocol/protocol';
import { storableJson } from '../json';
import type { KeptProtocol, ProtocolStore } from '../protocols';
import { changeChained } from './chained';

const UPDATE = `UPDATE protocols SET status = $3, protocol = $4, version = version + 1
  WHERE id = $1 AND version = $2 AND status = 'running' RETURNING id`;

export class ProtocolQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): ProtocolStore {
    return {
      runningProtocol: () => this.one(`status = 'running'`, []),
      protocol: (id) => this.one('id = $1', [id]),
      protocols: (limit) => this.list(limit),
      addProtocol: (protocol, entry) => this.add(protocol, entry),
      saveProtocol: (protocol, version, entry) => this.save(protocol, version, entry),
    };
  }

  private async one(where: string, values: unknown[]): Promise<KeptProtocol | undefined> {
    const { rows } = await this.pool.query<KeptProtocol>(
      `SELECT protocol, version FROM protocols WHERE ${where}`,
      values,
    );
    return rows[0];
  }

  private async list(limit: number): Promise<Protocol[]> {
    const { rows } = await this.pool.query<Pick<KeptProtocol, 'protocol'>>(
      'SELECT protocol FROM protocols ORDER BY started_at DESC, id DESC LIMIT $1',
      [limit],
    );
    return rows.map(({ protocol }) => protocol);
  }

  private async add(protocol: Protocol, entry: LedgerEntry): Promise<boolean> {
    const { id, startedAt, status } = protocol;
    const row = await changeChained(
      this.pool,
      'protocol',
      [
        `INSERT INTO protocols (id, started_at, status, version, protocol) VALUES ($1, $2, $3, 1, $4)
         ON CONFLICT DO NOTHING RETURNING id`,
        [id, startedAt, status, storableJson(protocol)],
      ],
      () => entry,
    );
    return row !== undefined;
  }

  private async save(protocol: Protocol, version: number, entry?: LedgerEntry): Promise<boolean> {
    const values = [protocol.id, version, protocol.status, storableJson(protocol)];
    if (!entry) return (await this.pool.query(UPDATE, values)).rowCount === 1;
    return (await changeChained(this.pool, 'protocol', [UPDATE, values], () => entry)) !== undefined;
  }
}
