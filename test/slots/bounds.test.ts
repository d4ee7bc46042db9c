import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  utimesSync,
  statSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { limited } from '../../src/slots/limits';
import { pruneLogs, rotateLogs } from '../../src/slots/log-files';
import { temporaryFolder } from '../support/folders';
import { useInstallations } from './support/fixture';

describe("an app's logs", () => {
  it('become the older one when they are too long, and are written on', async () => {
    const { path, remove } = await temporaryFolder();
    mkdirSync(join(path, 'logs'));
    const file = join(path, 'logs', 'slot-a.log');
    const handle = openSync(file, 'a');
    writeSync(handle, 'x'.repeat(2_000));
    appendFileSync(join(path, 'logs', 'slot-b.log'), 'short');
    expect(await rotateLogs(join(path, 'logs'), 1_000)).toBe(1);
    writeSync(handle, 'new');
    closeSync(handle);
    expect(readFileSync(file, 'utf8')).toBe('new');
    expect(statSync(`${file}.1`).size).toBe(2_000);
    expect(await rotateLogs(join(path, 'logs'), 1_000)).toBe(0);
    await remove();
  });
});

describe('logs of slots that are gone', () => {
  it('go when there are many of them, the oldest first; those of kept slots stay', async () => {
    const { path, remove } = await temporaryFolder();
    ['slot-kept.log', 'slot-a.log', 'slot-b.setup.log', 'slot-c.log'].forEach((name, i) => {
      appendFileSync(join(path, name), 'x');
      utimesSync(join(path, name), i + 1, i + 1);
    });
    expect(await pruneLogs(path, ['slot-kept'], 2)).toBe(1);
    expect(readdirSync(path).sort()).toEqual(['slot-b.setup.log', 'slot-c.log', 'slot-kept.log']);
    await remove();
  });
});

describe('limits', () => {
  it('hold for the command and what it starts', () => {
    const [program, args] = limited('ulimit -n; ulimit -d', { open_files: 99, memory_mb: 64 });
    expect(execFileSync(program, args, { encoding: 'utf8' })).toBe('99\n62500\n');
    expect(limited('true', undefined)).toEqual(['/bin/sh', ['-c', 'true']]);
  });

  const make = useInstallations();

  it('are those of the app, which may run as a user of its own where the controller may change users', async () => {
    const isRoot = process.getuid?.() === 0;
    const own = { uid: 65_534, gid: 65_534 };
    const app = await make({ limits: { open_files: 345 }, ...(isRoot && { run_as: own }) });
    // The app's user must be able to reach its slot.
    chmodSync(app.folder, 0o755);
    const a = app.repo.commit({ version: 'A' });
    await app.start();
    await app.live(a);
    expect(await app.get()).toBe('A');
    const pid = (await app.status()).slots[0]?.pid;
    expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max open files +345 +345 /m);
    const uid = /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    expect(Number(uid)).toBe(isRoot ? own.uid : process.getuid?.());
  });
});
