/** The backup and the restore as docs/runbooks/restore-from-backup.md says them: its own commands, on a real Postgres. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { examineBackups } from '../../src/doctor/operation';
import { verifyChain } from '../../src/domain/ledger';
import { succeeded, trigger } from '../e2e/support/runs';
import { World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';
import { startSystemPostgres, type SystemPostgres } from '../support/system-postgres';
import { INSTALL_DEADLINE_MS } from '../support/system-program';

const RUNBOOK = readFileSync(join(__dirname, '../../docs/runbooks/restore-from-backup.md'), 'utf8');
const COMMAND_MS = 60_000;

/** The blocks that are for the machine of the database, in the order of the page. */
const blocks = [...RUNBOOK.matchAll(/^ *```sh database\n([\s\S]*?)^ *```/gm)].map(([, block = '']) =>
  block.replace(/^ +/gm, '').trim(),
);

let postgres: SystemPostgres;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  postgres = await startSystemPostgres();
  folder = await temporaryFolder();
}, INSTALL_DEADLINE_MS);
afterAll(async () => {
  await postgres.stop();
  await folder.remove();
});

async function on<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

it('makes a backup and reads it into an empty database, which goes on as the record', async () => {
  const { url: server, bin } = postgres;
  await on(`${server}/postgres`, (client) => client.query('CREATE DATABASE reveille'));
  const DATABASE_URL = `${server}/reveille`;
  const world = await World.start({
    agents: [{ id: 'helper' }],
    workflows: [{ id: 'help', name: 'Help', steps: [{ id: 'do', agent: 'helper', timeoutSeconds: 30 }] }],
    databaseUrl: DATABASE_URL,
  });
  try {
    const before = await world.orchestrate();
    const runId = await trigger(before, 'help');
    await succeeded(before, runId);
    await world.stop(before);

    expect(blocks).toHaveLength(2);
    // What the doctor says where there is no backup yet.
    expect(await examineBackups(undefined, 0)).toMatchObject({ mend: blocks[0] });
    const env = {
      ...{ PATH: `${bin}:${process.env.PATH}`, BACKUP_DIR: folder.path, DATABASE_URL },
      SERVER_URL: server,
    };
    await promisify(execFile)('bash', ['-euc', blocks.join('\n')], { env, timeout: COMMAND_MS });
    // What the doctor looks at is what the command made.
    expect(await examineBackups(folder.path, Date.now())).toMatchObject({ check: 'backups', verdict: 'ok' });

    const url = `${server}/reveille_restored`;
    const after = await world.orchestrate({ env: { DATABASE_URL: url } });
    expect((await after.store.run(runId))?.state.status).toBe('succeeded');
    const ledger = await after.store.ledger(0, 10_000);
    expect(ledger.length).toBeGreaterThan(5);
    expect(verifyChain(ledger)).toMatchObject({ ok: true });
    await succeeded(after, await trigger(after, 'help'));
    // What protects the ledger came along.
    const edit = on(url, (client) => client.query('UPDATE reveille.ledger SET body = body'));
    await expect(edit).rejects.toThrow(/ledger/);
  } finally {
    await world.close();
  }
});
