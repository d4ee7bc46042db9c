/** Databases of their own for test files, on the run's Postgres. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

export interface TestDatabase {
  readonly url: string;
  /** Removes it, whoever is still connected. Idempotent. */
  readonly drop: () => Promise<void>;
}

export interface Template {
  /** One template per name and run; letters, digits and underscores. */
  name: string;
  /** Fills the template, e.g. by running the migrations. Its connections must be closed at the end. */
  prepare: (url: string) => Promise<void>;
}

/**
 * Creates an empty database, or a copy of a template that is prepared once per run and then copied
 * in some 30 ms.
 */
export async function createDatabase(template?: Template): Promise<TestDatabase> {
  const name = newName();
  if (template === undefined) await asAdmin((admin) => admin.query(`CREATE DATABASE ${name}`));
  else await copyTemplate(template, name);
  return databaseOf(name);
}

/** A copy of a database that nobody is connected to; the server waits a few seconds for who is leaving. */
export async function copyDatabase(url: string): Promise<TestDatabase> {
  const name = newName();
  const source = new URL(url).pathname.slice(1);
  await asAdmin((admin) => admin.query(copyOf(name, source)));
  return databaseOf(name);
}

/** Copies a template file by file: by way of the log, the default, each copy writes another 11 MB of that. */
const copyOf = (name: string, source: string): string =>
  `CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY FILE_COPY`;

/** A name for a database that nobody has. */
export const newName = () => `test_${randomBytes(6).toString('hex')}`;

const databaseOf = (name: string): TestDatabase => ({
  url: urlOf(name),
  drop: () =>
    asAdmin(async (admin) => void (await admin.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))),
});

async function copyTemplate({ name, prepare }: Template, copy: string): Promise<void> {
  if (!/^\w{1,40}$/.test(name)) throw new Error(`not a name for a template: ${name}`);
  const source = `template_${name}`;
  await asAdmin(async (admin) => {
    // Test files run in several workers: the first prepares, the others wait for it here.
    await admin.query('SELECT pg_advisory_lock(hashtext($1))', [source]);
    const found = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [source]);
    if (found.rowCount === 0) {
      const draft = `draft_${randomBytes(6).toString('hex')}`;
      await admin.query(`CREATE DATABASE ${draft}`);
      await prepare(urlOf(draft));
      await admin.query(`ALTER DATABASE ${draft} RENAME TO ${source}`);
    }
    await admin.query(copyOf(copy, source));
  });
}

/** Works on the run's Postgres itself, as its superuser. */
export async function asAdmin<T>(work: (admin: Client) => Promise<T>): Promise<T> {
  const admin = new Client({ connectionString: serverUrl() });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end(); // gives the advisory lock back, too
  }
}

function serverUrl(): string {
  const url = process.env.TEST_DATABASE_URL;
  if (url === undefined)
    throw new Error('no TEST_DATABASE_URL: was this not started by Jest with its globalSetup?');
  return url;
}

/** Where a database of the run's Postgres is. */
export function urlOf(database: string): string {
  const url = new URL(serverUrl());
  url.pathname = `/${database}`;
  return url.href;
}
