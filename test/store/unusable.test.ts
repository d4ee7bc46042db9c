/** A Postgres that cannot be used at start is told by its variable, with a mend and without its secrets. */
import { openPostgresStore } from '../../src/store/postgres';
import { unusable } from '../../src/store/postgres/unusable';
import { createDatabase, type TestDatabase } from '../support/database';
import { freePort } from '../support/ports';

let database: TestDatabase;
beforeAll(async () => void (database = await createDatabase()));
afterAll(() => database.drop());

const changed = (change: (url: URL) => void): string => {
  const url = new URL(database.url);
  change(url);
  return url.href;
};
const messageOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'it could be used',
    (error: Error) => error.message,
  );

it('tells a server that is not there, a database that is missing, and a login that is wrong', async () => {
  const port = String(await freePort());
  expect(await messageOf(openPostgresStore(changed((url) => (url.port = port))))).toMatch(
    new RegExp(`^DATABASE_URL: no Postgres answers there \\(.*${port}.*\\)\\. Check host and port`),
  );
  expect(await messageOf(openPostgresStore(changed((url) => (url.pathname = '/no_such'))))).toBe(
    'DATABASE_URL: database "no_such" does not exist. Create it, or name another.',
  );
  const stranger = changed((url) => ([url.username, url.password] = ['nobody_here', 'hidden-word']));
  const login = await messageOf(openPostgresStore(database.url, { ownerUrl: stranger }));
  expect(login).toMatch(/^MIGRATE_URL: Postgres lets nobody in that way: .*nobody_here/);
  expect(login).not.toContain('hidden-word');
});

it('keeps what may be a part of a password to itself, and says how one is written', () => {
  const cause = Object.assign(new Error('getaddrinfo ENOTFOUND half-a-word'), { code: 'ENOTFOUND' });
  const { message } = unusable('DATABASE_URL', cause) as Error;
  expect(message).toMatch(/^DATABASE_URL: its host is not known here .*%40/);
  expect(message).not.toContain('half-a-word');
});

it('leaves an error alone that is not of the connection', () => {
  const error = Object.assign(new Error('syntax error'), { code: '42601' });
  expect(unusable('DATABASE_URL', error)).toBe(error);
});
