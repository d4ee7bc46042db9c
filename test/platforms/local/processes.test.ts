import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLocalPlatform } from '../../../src/platforms/local';
import { capsuleFolder, ECHO_SERVER, temporary } from '../folders';
import { freePort } from '../../support/ports';
import { alive, answer, driverOf, ended, eventually, hosts, next } from './harness';

const host = hosts();

describe('a capsule of the local platform', () => {
  it('runs its Procfile with PORT, .env and what it was given, and no other secret of ours', async () => {
    process.env['REVEILLE_TEST_CANARY'] = 'must stay here';
    const { driver, port } = await host({
      files: { '.env': 'FROM_FILE=file\nBOTH=file\nPORT=1\n' },
      env: { BOTH: 'given', GIVEN: 'given' },
    });
    await driver.scale('cap-1', 1);
    const { env } = await answer(port);
    expect(env).toMatchObject({ PORT: String(port), FROM_FILE: 'file', BOTH: 'given', GIVEN: 'given' });
    expect(env['PATH']).toBe(process.env['PATH']);
    delete process.env['REVEILLE_TEST_CANARY'];
    const known = [
      'PORT',
      'FROM_FILE',
      'BOTH',
      'GIVEN',
      'PATH',
      'HOME',
      'TZ',
      'LANG',
      'REVEILLE_LOCAL_PLATFORM',
    ];
    const setByTheShell = ['PWD', 'OLDPWD', 'SHLVL', '_'];
    expect(Object.keys(env).filter((name) => ![...known, ...setByTheShell].includes(name))).toEqual([]);
  });

  it('waits for its cold start, counting as running meanwhile', async () => {
    const { local, driver } = await host({ coldStartMs: 150 });
    const begun = performance.now();
    const started = next(local, 'started');
    await driver.scale('cap-1', 1);
    expect(await driver.observe('cap-1')).toEqual({ desired: 1, running: 1 });
    await started;
    expect(performance.now() - begun).toBeGreaterThanOrEqual(145);
  });

  it('is asleep at once when it is put back to sleep before it started', async () => {
    const { local, driver } = await host({ coldStartMs: 60_000 });
    await driver.scale('cap-1', 1);
    const stopped = next(local, 'stopped');
    await driver.scale('cap-1', 0);
    await stopped;
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 0 });
  });

  it('keeps what it prints, in memory and in a file', async () => {
    const { local, driver, port, stateDir } = await host();
    await driver.scale('cap-1', 1);
    await answer(port);
    const line = `listening on ${port}`;
    await eventually('the line is there', () => (local.logs('cap-1').includes(line) ? true : undefined));
    expect(await readFile(join(stateDir, 'logs', 'cap-1.log'), 'utf8')).toContain(line);
    const headers = { authorization: `Bearer ${local.token}` };
    const response = await fetch(`${local.url}/capsules/cap-1/logs`, { headers });
    expect(await response.json()).toEqual({ lines: [line] });
  });

  it('bounds its log on disk', async () => {
    const noisy = `
      for (let i = 0; i < 3000; i++) console.log('x'.repeat(1000) + i);
      console.log('done');
      setInterval(() => undefined, 1000);`;
    const { local, driver, stateDir } = await host({ files: { 'server.js': noisy } });
    await driver.scale('cap-1', 1);
    await eventually('all is printed', () => (local.logs('cap-1').at(-1) === 'done' ? true : undefined));
    expect(local.logs('cap-1').length).toBeLessThanOrEqual(200);
    for (const name of ['cap-1.log', 'cap-1.log.1']) {
      expect((await stat(join(stateDir, 'logs', name))).size).toBeLessThanOrEqual(1024 * 1024);
    }
  });

  it('ends with everything it started, even what ignores SIGTERM', async () => {
    const stubborn = `
      process.on('SIGTERM', () => undefined);
      const child = require('node:child_process').spawn(process.execPath,
        ['-e', "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000); console.log('up')"],
        { stdio: ['ignore', 'inherit', 'inherit'] });
      console.log('child ' + child.pid);
      ${ECHO_SERVER}`;
    const { local, driver, port } = await host({ files: { 'server.js': stubborn }, graceMs: 100 });
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    const child = await eventually('the grandchild is up', () => {
      const lines = local.logs('cap-1');
      return lines.includes('up') ? Number(lines.find((l) => l.startsWith('child'))?.slice(6)) : undefined;
    });
    const stopped = next(local, 'stopped');
    await driver.scale('cap-1', 0);
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 1 });
    await stopped;
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 0 });
    await Promise.all([ended(pid), ended(child)]);
  });

  it('is started again, with growing waits, when it dies while it is wanted', async () => {
    const { local, driver, port } = await host({ restartBackoffMs: 10 });
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    const exited = next(local, 'exited');
    const again = next(local, 'started');
    process.kill(pid, 'SIGKILL');
    await exited;
    expect(await driver.observe('cap-1')).toEqual({ desired: 1, running: 1 });
    await again;
    expect((await answer(port)).pid).not.toBe(pid);
  });

  it('says why it cannot be started, and tries again', async () => {
    const { local, driver, stateDir, port } = await host({ restartBackoffMs: 10 });
    const folder = await capsuleFolder(stateDir);
    const other = createLocalPlatform({
      stateDir: join(stateDir, 'other'),
      capsules: [{ id: 'cap-2', folder, port }],
      restartBackoffMs: 10,
    });
    await other.start();
    await writeFile(join(folder, 'Procfile'), 'worker: node server.js\n');
    const otherDriver = driverOf(other);
    await otherDriver.scale('cap-2', 1);
    await eventually('the reason is logged', () =>
      other.logs('cap-2').some((line) => line.includes('has no "web:" line')) ? true : undefined,
    );
    const started = next(other, 'started');
    await writeFile(join(folder, 'Procfile'), 'web: node server.js\n');
    await started;
    await otherDriver.close();
    await other.stop();
    expect(await driver.observe('cap-1')).toEqual({ desired: 0, running: 0 });
    expect(local.logs('cap-1')).toEqual([]);
  });

  it('ends when the platform stops, which can be asked more than once', async () => {
    const { local, driver, port } = await host();
    await driver.scale('cap-1', 1);
    const { pid } = await answer(port);
    await Promise.all([local.stop(), local.stop()]);
    expect(alive(pid)).toBe(false);
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });

  it('ends when the platform stops while it is being started', async () => {
    const { local, driver, port } = await host();
    await driver.scale('cap-1', 1);
    await local.stop();
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
  });
});

describe('a local platform that cannot start', () => {
  it('lists every wrong capsule at once', () => {
    const capsule = { folder: '/nowhere', port: 4000 };
    const capsules = [
      { ...capsule, id: '../up' },
      { ...capsule, id: 'a' },
      { ...capsule, id: 'a', port: 0 },
    ];
    const make = () => createLocalPlatform({ stateDir: '/nowhere', capsules });
    expect(make).toThrow('"../up"');
    expect(make).toThrow('port 4000 is taken');
    expect(make).toThrow('"a" is there twice');
    expect(make).toThrow('0 is no port');
  });

  it('says what a folder without a Procfile needs', async () => {
    const state = await temporary();
    const capsules = [{ id: 'cap-1', folder: state.path, port: await freePort() }];
    const local = createLocalPlatform({ stateDir: state.path, capsules });
    await expect(local.start()).rejects.toThrow('web: node dist/index.js');
    await local.stop();
    await state.dispose();
  });

  it('says that its port is taken', async () => {
    const { local } = await host();
    const state = await temporary();
    const second = createLocalPlatform({
      stateDir: state.path,
      capsules: [],
      port: Number(new URL(local.url).port),
    });
    await expect(second.start()).rejects.toThrow(/cannot listen on port \d+/);
    await state.dispose();
  });

  it('leaves a state directory alone that a living platform uses', async () => {
    const { driver, stateDir, port } = await host();
    await driver.scale('cap-1', 1);
    await answer(port);
    const second = createLocalPlatform({ stateDir, capsules: [] });
    await expect(second.start()).rejects.toThrow(/already runs on/);
    await second.stop();
    const third = createLocalPlatform({ stateDir, capsules: [] });
    await expect(third.start()).rejects.toThrow(/already runs on/);
    expect((await answer(port)).pid).toBeGreaterThan(0);
  });
});
