/** Postgres: its version, whether it keeps what it acknowledged, its clock, and what our role may do to the ledger. */
import { Client } from 'pg';
import { SCHEMA } from '../store/postgres/pool';
import { fail, ok, warn, type Finding } from './finding';

const ANSWER_MS = 5_000;
const OLDEST = 140_000;
/** Callback tokens and cron times bear a little. */
const SKEW_WARN_MS = 1_000;
const SKEW_FAIL_MS = 30_000;

interface Row {
  version: string;
  number: number;
  fsync: string;
  synchronous_commit: string;
  full_page_writes: string;
  now: string;
  may_change: boolean;
  /** Whether it is the role that owns the ledger, or can become it: what it may not do it can allow itself. */
  owns: boolean;
  superuser: boolean;
}

const QUESTION = `SELECT current_setting('server_version') AS version,
  current_setting('server_version_num')::int AS number,
  current_setting('fsync') AS fsync,
  current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('full_page_writes') AS full_page_writes,
  (extract(epoch FROM clock_timestamp()) * 1000)::text AS now,
  has_table_privilege('${SCHEMA}.ledger', 'UPDATE, DELETE, TRUNCATE, TRIGGER') AS may_change,
  (SELECT pg_has_role(relowner, 'MEMBER') FROM pg_class WHERE oid = '${SCHEMA}.ledger'::regclass) AS owns,
  (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS superuser`;

/** @param hasOwnerUrl whether who reads the environment could be the owner of the tables */
export async function examineDatabase(url: string, hasOwnerUrl = false): Promise<Finding[]> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: ANSWER_MS,
    query_timeout: ANSWER_MS,
    application_name: 'reveille-doctor',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const sent = Date.now();
    const { rows } = await client.query<Row>(QUESTION);
    const received = Date.now();
    const row = rows[0];
    return row
      ? [
          version(row),
          durability(row),
          skew('database', Number(row.now), sent, received),
          rights(row, hasOwnerUrl),
        ]
      : [];
  } catch (error) {
    const { code } = error as { code?: string };
    return [
      fail(
        'database',
        `it does not answer (${code ?? 'no reason given'})`,
        'Check DATABASE_URL and the server',
      ),
    ];
  } finally {
    await client.end().catch(() => undefined);
  }
}

const version = ({ version, number }: Row): Finding =>
  number >= OLDEST
    ? ok('database', `Postgres ${version}`)
    : fail('database', `Postgres ${version} is too old`, 'Move to Postgres 14 or newer');

function durability(row: Row): Finding {
  const off = (['fsync', 'full_page_writes', 'synchronous_commit'] as const).filter(
    (name) => row[name] === 'off',
  );
  if (off.length === 0) return ok('durability', 'what is acknowledged is on disk');
  const text = `${off.join(', ')} off: a crash of the server can lose what was acknowledged`;
  const mend = off.map((name) => `ALTER SYSTEM SET ${name} = on;`).join(' ');
  return fail('durability', text, `${mend} SELECT pg_reload_conf();`);
}

function rights({ may_change: mayChange, owns, superuser }: Row, hasOwnerUrl: boolean): Finding {
  if (superuser)
    return warn(
      'ledger-role',
      'the orchestrator is a superuser of its database',
      'Give it a role of its own with MIGRATE_URL: docs/audit.md, "A role that can only append"',
    );
  if (mayChange || owns)
    return warn(
      'ledger-role',
      `the orchestrator's role ${owns ? 'owns the ledger' : 'could change the ledger'}`,
      'Give it a restricted one with MIGRATE_URL: docs/audit.md, "A role that can only append"',
    );
  return hasOwnerUrl
    ? warn(
        'ledger-role',
        "the orchestrator's role can only append to the ledger, but MIGRATE_URL is in its environment",
        'Unset MIGRATE_URL once this version has started',
      )
    : ok('ledger-role', "the orchestrator's role can append to the ledger, and not change it");
}

/** How far another clock is from ours, at least: the way there and back is taken off. */
export function skew(of: string, theirs: number, sent: number, received: number, stepMs = 0): Finding {
  const ahead = theirs - received;
  const behind = sent - (theirs + stepMs);
  const off = Math.max(0, ahead, behind);
  const text = `the clock of the ${of} is ${off === 0 ? 'ours' : `${(off / 1_000).toFixed(1)} s off ours`}`;
  const mend = 'Let both machines keep their time by NTP';
  if (off >= SKEW_FAIL_MS) return fail('clock', text, mend);
  return off >= SKEW_WARN_MS ? warn('clock', text, mend) : ok('clock', text);
}
