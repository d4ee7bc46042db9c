/** The embedded Postgres as real processes that are stopped and killed in every way. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { removeCluster, serverPid } from '../support/embedded-cluster';
import { temporaryFolder } from '../support/folders';
import { useProcesses, type TestProcess } from '../support/processes';
import { until } from '../support/until';

const processes = useProcesses();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
/** The directory of the test that runs. */
let dataDir: string;

/** Data that a first start left: copied where a test is not about that. */
let template: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  template = await temporaryFolder();
  dataDir = join(template.path, 'postgres');
  await terminate(await start());
});
afterAll(() => template.remove());

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder.path, 'postgres');
});
afterEach(async () => {
  await removeCluster(dataDir);
  await folder.remove();
});

interface User {
  process: TestProcess;
  url: string;
}

async function start(): Promise<User> {
  const child = await launch();
  return { process: child, url: await urlOf(child) };
}

/** As {@link start}, on data that is there: creating it takes longer than all else of these tests. */
async function startAgain(): Promise<User> {
  await copyOfTemplate();
  const user = await start();
  expect(user.process.output()).not.toMatch(/created/);
  return user;
}

/** Whoever Postgres runs as owns the data, in the copy as well. */
const copyOfTemplate = () => promisify(execFile)('cp', ['-a', join(template.path, 'postgres'), dataDir]);

const launch = () => processes.startScript('test/support/embedded-user.ts', [dataDir]);

async function urlOf(child: TestProcess): Promise<string> {
  const [, url] = await child.waitFor(/^url (.*)$/m, 40_000);
  return url ?? '';
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Written before a kill, read after the next start. */
const remember = (url: string) => query(url, 'CREATE TABLE remembered AS SELECT 7 AS n');
const recall = (url: string) => query(url, 'SELECT n FROM remembered');
const REMEMBERED = [{ n: 7 }];

/** SIGTERM alone to the process, as from a platform; it must end by itself, all undone. */
async function terminate(user: User): Promise<void> {
  user.process.killAlone('SIGTERM');
  expect(await user.process.exited).toEqual({ code: 0, signal: null });
  expect(user.process.output()).toMatch(/^stopped$/m);
}

async function killDead(user: User): Promise<void> {
  user.process.killAlone('SIGKILL');
  await user.process.exited;
}

describe('one user', () => {
  it('creates the data at first, stops with SIGTERM, and picks the data up at the next start', async () => {
    const first = await start();
    expect(first.process.output()).toMatch(/created an embedded Postgres/);
    await remember(first.url);
    const pid = await serverPid(dataDir);
    expect(pid).toBeDefined();
    await terminate(first);
    expect(await serverPid(dataDir)).toBeUndefined();

    const second = await start();
    expect(second.process.output()).not.toMatch(/created/);
    expect(second.url).toBe(first.url);
    expect(await recall(second.url)).toEqual(REMEMBERED);
    await terminate(second);
  });

  it('is durable, on loopback only, and keeps its password to itself', async () => {
    const user = await startAgain();
    const shown = (name: string) => query(user.url, `SELECT current_setting('${name}') AS value`);
    for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      expect(await shown(name)).toEqual([{ value: 'on' }]);
    }
    expect(await shown('listen_addresses')).toEqual([{ value: '127.0.0.1' }]);
    expect(await shown('unix_socket_directories')).toEqual([{ value: '' }]);
    const { password } = new URL(user.url);
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect((await stat(join(dataDir, 'cluster.json'))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).not.toContain(password);
    expect(user.process.output().replace(user.url, '')).not.toContain(password);
    const wrong = user.url.replace(password, 'wrong');
    await expect(query(wrong, 'SELECT 1')).rejects.toThrow(/password authentication failed/);
    await terminate(user);
  });

  it('does not lose its server to Ctrl-C, which the terminal sends to the whole group', async () => {
    const user = await startAgain();
    user.process.kill('SIGINT');
    expect(await user.process.exited).toEqual({ code: 0, signal: null });
    expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).toMatch(/database system is shut down\s*$/);
    const again = await start();
    await terminate(again);
    expect(await readFile(join(dataDir, 'postgres.log'), 'utf8')).not.toMatch(/not properly shut down/);
  });
});

describe('after kill -9', () => {
  it('of the user alone, the next one adopts the server, and ends it', async () => {
    const first = await startAgain();
    await remember(first.url);
    const pid = await serverPid(dataDir);
    await killDead(first);
    expect(await serverPid(dataDir)).toBe(pid);

    const second = await start();
    expect(second.process.output()).toMatch(/joined/);
    expect(await serverPid(dataDir)).toBe(pid);
    expect(await recall(second.url)).toEqual(REMEMBERED);
    await terminate(second);
    expect(await serverPid(dataDir)).toBeUndefined();
  });

  it('of the user and the server, the next one recovers what was committed', async () => {
    const first = await startAgain();
    await remember(first.url);
    const pid = await serverPid(dataDir);
    await killDead(first);
    process.kill(pid ?? NaN, 'SIGKILL');

    const second = await start();
    expect(await serverPid(dataDir)).not.toBe(pid);
    expect(await recall(second.url)).toEqual(REMEMBERED);
    await terminate(second);
  });

  it('of the server in the middle of a query, its orphaned session is ended before the next start', async () => {
    const first = await startAgain();
    const client = new Client({ connectionString: first.url });
    client.on('error', () => undefined); // cut by design
    await client.connect();
    // Busy in one long query, a session does not notice that its server has gone.
    const cut = client.query('SELECT count(*) FROM generate_series(1, 1e12)').catch((error: Error) => error);
    const pid = await serverPid(dataDir);
    await until(() =>
      query(first.url, "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%1e12%' AND state = 'active'"),
    );
    await killDead(first);
    process.kill(pid ?? NaN, 'SIGKILL');

    const second = await start();
    expect(await cut).toBeInstanceOf(Error);
    expect(await query(second.url, 'SELECT 7 AS n')).toEqual(REMEMBERED);
    await terminate(second);
  });

  it('during the first start, the next one starts afresh', async () => {
    const first = await launch();
    const half = await until(() => halfMade(dataDir), { every: 2, what: 'a half-made cluster' });
    first.killAlone('SIGKILL');
    await first.exited;
    expect(half).toMatch(/^cluster\.new-/);

    const second = await start();
    expect(second.process.output()).toMatch(/created an embedded Postgres/);
    expect(await halfMade(dataDir)).toBeUndefined();
    await terminate(second);
  });

  it('is not fooled by a process that has got the id in the server’s pid file', async () => {
    const first = await startAgain();
    await remember(first.url);
    const pidFile = join(dataDir, 'cluster', 'postmaster.pid');
    const left = await readFile(pidFile, 'utf8');
    await terminate(first);
    const lines = left.split('\n');
    await writeFile(pidFile, [String(process.pid), ...lines.slice(1)].join('\n'));

    const second = await start(); // this process is still here, as every line below shows
    expect(await recall(second.url)).toEqual(REMEMBERED);
    await terminate(second);
  });
});

describe('several users', () => {
  it('two at once create one server and share it; the last one out ends it', async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(two.url).toBe(one.url);
    const outputs = [one, two].map((user) => user.process.output());
    expect(outputs.filter((output) => output.includes('created'))).toHaveLength(1);
    expect(outputs.filter((output) => output.includes('joined'))).toHaveLength(1);
    await remember(one.url);
    const pid = await serverPid(dataDir);

    await terminate(one);
    expect(await serverPid(dataDir)).toBe(pid);
    expect(await recall(two.url)).toEqual(REMEMBERED);
    await terminate(two);
    expect(await serverPid(dataDir)).toBeUndefined();
  });

  it('a user that was killed does not keep the server from ending', async () => {
    await copyOfTemplate();
    const [one, two] = await Promise.all([start(), start()]);
    await killDead(one);
    await terminate(two);
    expect(await serverPid(dataDir)).toBeUndefined();
  });
});

describe('circumstances', () => {
  it('takes another port when somebody has the remembered one', async () => {
    const first = await startAgain();
    await remember(first.url);
    await terminate(first);
    const squatter = createServer().listen(Number(new URL(first.url).port), '127.0.0.1');
    await once(squatter, 'listening');

    const second = await start();
    squatter.close();
    expect(new URL(second.url).port).not.toBe(new URL(first.url).port);
    expect(await recall(second.url)).toEqual(REMEMBERED);
    await terminate(second);
    const third = await start();
    expect(third.url).toBe(second.url);
    await terminate(third);
  });

  it('works below a folder that is closed to everybody else', async () => {
    const closed = join(folder.path, 'closed');
    await mkdir(closed, { mode: 0o700 });
    dataDir = join(closed, 'postgres');
    const first = await start();
    await remember(first.url);
    await terminate(first);
    const second = await start();
    expect(await recall(second.url)).toEqual(REMEMBERED);
    await terminate(second);
  });

  it('refuses a damaged cluster.json, and says what to do', async () => {
    await mkdir(dataDir);
    await writeFile(join(dataDir, 'cluster.json'), '{"port":');
    const child = await launch();
    await expect(urlOf(child)).rejects.toThrow(/cluster\.json is damaged; restore it, or remove/);
  });

  it('refuses the data of another version, and says what to do', async () => {
    const first = await startAgain();
    await terminate(first);
    await writeFile(join(dataDir, 'cluster', 'PG_VERSION'), '9\n');
    const child = await launch();
    await expect(urlOf(child)).rejects.toThrow(/was created by Postgres 9, and this is Postgres \d+/);
  });
});

async function halfMade(dir: string): Promise<string | undefined> {
  const names = await readdir(dir).catch(() => []); // not there yet
  return names.find((name) => /^cluster\.new-[0-9a-f]+$/.test(name));
}
