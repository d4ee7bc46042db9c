/** Changes outside of a commit: the row and its ledger entry in one transaction, or neither. */
import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { ledgerBody, type LedgerEntry } from '../../domain/ledger';
import { replaceUnstorable, storableJson } from '../json';

/**
 * Runs one statement and chains what it did. The row is locked before the end of the ledger: no commit of
 * runs may touch rows that are changed in this way, or the two could wait for each other.
 * @param what named in the error, as in "alert could not be kept"
 * @param entryFor the entry for the first row that was returned; `undefined` when nothing worth telling changed
 * @returns the first row
 */
export async function changeChained<Row extends QueryResultRow>(
  pool: Pool,
  what: string,
  [sql, values]: readonly [sql: string, values: unknown[]],
  entryFor: (row: Row) => LedgerEntry | undefined,
): Promise<Row | undefined> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query<Row>(sql, values);
    const entry = rows[0] && entryFor(rows[0]);
    if (entry) await chain(client, entry);
    await client.query('COMMIT');
    return rows[0];
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new Error(`${what} could not be kept: ${(error as Error).message}`, { cause: error });
  } finally {
    client.release();
  }
}

/** Appends one entry to the ledger, within the transaction of `client`. */
export async function chain(client: PoolClient, entry: LedgerEntry): Promise<void> {
  const { at, entity, id } = entry;
  const change = { at, ledger: [{ entity, id, body: replaceUnstorable(ledgerBody(entry)) }] };
  await client.query('SELECT commit_changes($1::jsonb)', [storableJson([change])]);
}
