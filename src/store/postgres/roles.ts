/**
 * Two roles: one owns the tables and changes them when a new version starts, the other runs the orchestrator and may
 * only append to the ledger.
 */
import { Client, escapeIdentifier } from 'pg';

/** Under this lock two that start at once grant one after the other. An arbitrary number, as that of migrations. */
const LOCK = 7_383_846;
const CONNECT_MS = 5_000;
const ANSWER_MS = 60_000;

/** What stays out of reach of who runs the orchestrator, by table of our schema. */
const WITHHELD: Readonly<Record<string, string>> = {
  ledger: 'UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER',
  ledger_head: 'INSERT, DELETE, TRUNCATE, REFERENCES, TRIGGER',
  migrations: 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER',
};

export interface Grant {
  /** Connects as who owns the schema. */
  ownerUrl: string;
  /** Connects as who is to use it. */
  url: string;
  schema: string;
  /** Whether it is ours, of which some tables stay out of reach. */
  hasLedger: boolean;
}

/**
 * Lets the role of one connection use what another one owns: as it is now, so again after each change of the schema.
 * @throws when both are the same role
 */
export async function grantUse({ ownerUrl, url, schema, hasLedger }: Grant): Promise<void> {
  const role = await withClient(url, (client) => roleOf(client));
  await withClient(ownerUrl, async (client) => {
    if ((await roleOf(client)) === role)
      throw new Error(
        `MIGRATE_URL and DATABASE_URL name the same role, ${role}: give DATABASE_URL another one`,
      );
    const [to, place] = [escapeIdentifier(role), escapeIdentifier(schema)];
    const withheld = hasLedger ? Object.entries(WITHHELD) : [];
    const statements = [
      // BullMQ makes a sequence for each queue when it is first used; in ours nobody but the owner makes anything.
      `GRANT USAGE${hasLedger ? '' : ', CREATE'} ON SCHEMA ${place} TO ${to}`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${place} TO ${to}`,
      `GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${place} TO ${to}`,
      `GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA ${place} TO ${to}`,
      ...withheld.map(
        ([table, rights]) => `REVOKE ${rights} ON ${place}.${escapeIdentifier(table)} FROM ${to}`,
      ),
    ];
    // One after the other in one transaction: nobody sees a ledger that may be changed.
    await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${LOCK}); ${statements.join('; ')}; COMMIT`);
  });
}

async function roleOf(client: Client): Promise<string> {
  const { rows } = await client.query<{ role: string }>('SELECT current_user AS role');
  return (rows[0] as { role: string }).role;
}

async function withClient<T>(connectionString: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({
    connectionString,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: ANSWER_MS,
    application_name: 'reveille-migrate',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
