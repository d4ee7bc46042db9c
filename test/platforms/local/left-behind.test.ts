import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createLocalPlatform } from '../../../src/platforms/local';
import { capsuleFolder, temporary } from '../folders';
import { freePort } from '../../support/ports';
import { alive, answer, ended, hosts } from './harness';
import { TYPESCRIPT } from '../../support/processes';

const REPOSITORY = resolve(__dirname, '../../..');

/** A platform in a process of its own, with its capsule awake, then killed without a chance to clean up. */
async function killedPlatform(
  stateDir: string,
): Promise<{ capsulePid: number; port: number; folder: string }> {
  const folder = await capsuleFolder(stateDir);
  const port = await freePort();
  const script = `
    const { createLocalPlatform } = require(${JSON.stringify(join(REPOSITORY, 'src/platforms/local/index.ts'))});
    const capsules = [{ id: 'cap-1', folder: ${JSON.stringify(folder)}, port: ${port} }];
    const local = createLocalPlatform({ stateDir: ${JSON.stringify(stateDir)}, capsules, token: 'token' });
    local.start().then(() => fetch(local.url + '/capsules/cap-1', {
      method: 'PATCH',
      headers: { authorization: 'Bearer token', 'content-type': 'application/json' },
      body: JSON.stringify({ scaling: { desiredReplicas: 1 } }),
    }));`;
  const child = spawn(process.execPath, [...TYPESCRIPT, '-e', script], {
    cwd: REPOSITORY,
    stdio: 'inherit',
  });
  const { pid: capsulePid } = await answer(port);
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await gone;
  return { capsulePid, port, folder };
}

describe('after everything was killed', () => {
  const host = hosts();

  it('the next start ends what was left running, and can host the capsule again', async () => {
    const state = await temporary();
    const { capsulePid, port, folder } = await killedPlatform(state.path);
    expect(alive(capsulePid)).toBe(true);

    const told: string[] = [];
    const capsules = [{ id: 'cap-1', folder, port }];
    const log = (line: string) => void told.push(line);
    const local = createLocalPlatform({ stateDir: state.path, capsules, log });
    await local.start();
    await ended(capsulePid);
    expect(told).toEqual([expect.stringContaining('ended 1 process group')]);
    await local.stop();
    expect(await readdir(join(state.path, 'pids'))).toEqual([]);
    await state.dispose();
  });

  it('finds them even without their pid files', async () => {
    const state = await temporary();
    const { capsulePid } = await killedPlatform(state.path);
    await writeFile(join(state.path, 'pids', 'cap-1'), '{"pid": cut sho');
    const local = createLocalPlatform({ stateDir: state.path, capsules: [] });
    await local.start();
    await ended(capsulePid);
    await local.stop();
    await state.dispose();
  });

  it('never touches a process that merely got the same pid', async () => {
    const state = await temporary();
    const bystander = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], {
      detached: true,
    });
    await mkdir(join(state.path, 'pids'));
    const identity = JSON.stringify({ pid: bystander.pid, startTime: 'of another process' });
    await writeFile(join(state.path, 'pids', 'cap-1'), identity);
    await writeFile(join(state.path, 'platform.pid'), identity);

    const local = createLocalPlatform({ stateDir: state.path, capsules: [] });
    await local.start();
    expect(alive(bystander.pid!)).toBe(true);
    await local.stop();
    const gone = new Promise((done) => bystander.once('exit', done));
    bystander.kill('SIGKILL');
    await gone;
    await state.dispose();
  });

  it('leaves the processes of another state directory alone', async () => {
    const { driver, port } = await host();
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    const state = await temporary();
    const local = createLocalPlatform({ stateDir: state.path, capsules: [] });
    await local.start();
    expect(alive(pid)).toBe(true);
    await local.stop();
    await state.dispose();
  });

  it('a running capsule is on record with its pid and its start time', async () => {
    const { driver, port, stateDir } = await host();
    await driver.scale('cap-1', 1);
    await answer(port);
    const record: unknown = JSON.parse(await readFile(join(stateDir, 'pids', 'cap-1'), 'utf8'));
    const { pid, startTime } = record as { pid: number; startTime: string };
    expect(alive(pid)).toBe(true);
    expect(startTime).toMatch(/\S/);
  });
});
