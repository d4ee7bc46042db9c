/** Builds of the local platform, through the driver of production. */
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isOver, type Build } from '../../../src/platforms/builds';
import { ECHO_SERVER } from '../folders';
import { alive, answer, driverOf, ended, eventually, hosts, next, type Host } from './harness';

const host = hosts();

/** A server that tells which build it is of; the build stamps it, when and how the test says. */
const files = {
  'package.json': JSON.stringify({ scripts: { build: 'node build.js' } }),
  'server.js': `process.env.VERSION = require('node:fs').readFileSync('version', 'utf8');${ECHO_SERVER}`,
  version: 'committed',
  'build.js': `
    const { existsSync, readFileSync, writeFileSync } = require('node:fs');
    const gate = readFileSync('gate', 'utf8');
    writeFileSync(gate + '.waiting', String(process.pid));
    const timer = setInterval(() => {
      // A file that is being written is there before its text.
      const word = existsSync(gate) && readFileSync(gate, 'utf8');
      if (!word) return;
      clearInterval(timer);
      console.log('\\u001b[31mbuilding ' + word + '\\u001b[0m');
      writeFileSync('version', word);
      if (word === 'broken') process.exit(3);
    }, 5);
  `,
};

async function gated(options: Parameters<typeof host>[0] = {}): Promise<Host & { gate: string }> {
  const made = await host({ files, ...options });
  const gate = join(made.stateDir, 'gate');
  await writeFile(join(made.folder, 'gate'), gate);
  return { ...made, gate };
}

const start = async ({ driver }: Host): Promise<Build> =>
  driver.builds.start('cap-1', await driver.builds.list('cap-1'));

const status = async ({ driver }: Host, id: string): Promise<Build> =>
  (await driver.builds.list('cap-1')).find((build) => build.id === id) as Build;

const over = (it: Host, id: string): Promise<Build> =>
  eventually(`build ${id} is over`, async () => {
    const build = await status(it, id);
    return isOver(build) ? build : undefined;
  });

it('is queued, building and succeeded, and replaces the replica that runs', async () => {
  const it = await gated();
  await it.driver.scale('cap-1', 1);
  const old = await answer(it.port);
  expect(old.env['VERSION']).toBe('committed');
  const build = await start(it);
  expect(build).toMatchObject({ capsuleId: 'cap-1', deployed: false });
  await eventually('it builds', () => existsSync(`${it.gate}.waiting`) || undefined);
  expect(await status(it, build.id)).toMatchObject({ status: 'building' });
  expect(alive(old.pid)).toBe(true);
  await writeFile(it.gate, 'second');
  const done = await over(it, build.id);
  expect(done).toMatchObject({ status: 'succeeded', deployed: true });
  expect(done.finishedAt).toBeGreaterThanOrEqual(done.startedAt as number);
  await ended(old.pid);
  expect((await answer(it.port)).env['VERSION']).toBe('second');
  // What is in the repository is not touched by a build.
  expect(await readFile(join(it.folder, 'version'), 'utf8')).toBe('committed');
});

it('is what the next wake starts, while the capsule sleeps', async () => {
  const it = await gated();
  await writeFile(it.gate, 'asleep');
  expect(await over(it, (await start(it)).id)).toMatchObject({ status: 'succeeded' });
  await expect(it.driver.observe('cap-1')).resolves.toEqual({ desired: 0, running: 0 });
  await it.driver.scale('cap-1', 1);
  expect((await answer(it.port)).env['VERSION']).toBe('asleep');
});

it('keeps what is deployed when it fails, and says why in its log', async () => {
  const it = await gated();
  await writeFile(it.gate, 'good');
  const good = await start(it);
  await over(it, good.id);
  await it.driver.scale('cap-1', 1);
  const { pid } = await answer(it.port);
  await writeFile(it.gate, 'broken');
  const broken = await over(it, (await start(it)).id);
  expect(broken).toMatchObject({ status: 'failed', deployed: false });
  expect(await status(it, good.id)).toMatchObject({ deployed: true });
  const log = await it.driver.builds.log(broken, 100);
  expect(log).toEqual(expect.arrayContaining(['$ npm run build', 'building broken']));
  expect(log.at(-1)).toBe('The build failed: "npm run build" ended with 3');
  expect(await it.driver.builds.log(broken, 1)).toEqual(log.slice(-1));
  expect(alive(pid)).toBe(true);
  expect((await answer(it.port)).env['VERSION']).toBe('good');
});

it('deploys the files as they are where there is no build command', async () => {
  const it = await host({ files: { version: 'one', 'server.js': files['server.js'] } });
  await writeFile(join(it.folder, 'version'), 'edited');
  const build = await over(it, (await start(it)).id);
  expect(build).toMatchObject({ status: 'succeeded', deployed: true });
  expect(await it.driver.builds.log(build, 5)).toEqual([
    'There is no build command; the files are deployed as they are.',
  ]);
  await it.driver.scale('cap-1', 1);
  expect((await answer(it.port)).env['VERSION']).toBe('edited');
});

it('finds the packages of the folder and of those above it, the nearest first', async () => {
  const build =
    "require('node:fs').writeFileSync('version', ['a', '@s/b', 'c'].map((p) => require(p)).join())";
  const it = await gated({ files: { ...files, 'build.js': build } });
  const above = join(it.folder, '..', 'node_modules');
  const own = join(it.folder, 'node_modules');
  for (const [under, name] of [
    [above, 'a'],
    [above, '@s/b'],
    [above, 'c'],
    [own, 'c'],
  ] as const) {
    await mkdir(join(under, name), { recursive: true });
    await writeFile(join(under, name, 'index.js'), `module.exports = '${under === own ? 'own' : 'above'}';`);
  }
  expect(await over(it, (await start(it)).id)).toMatchObject({ status: 'succeeded' });
  await it.driver.scale('cap-1', 1);
  expect((await answer(it.port)).env['VERSION']).toBe('above,above,own');
});

it('fails when what was built could not be started', async () => {
  const it = await host({ files: { version: 'one' } });
  await rm(join(it.folder, 'Procfile'));
  const build = await over(it, (await start(it)).id);
  expect(build.status).toBe('failed');
  expect((await it.driver.builds.log(build, 1))[0]).toContain('Procfile');
});

it('fails when it takes too long, and leaves no process', async () => {
  const it = await gated({ buildTimeoutMs: 1_500, graceMs: 200 });
  const build = await over(it, (await start(it)).id);
  expect(build.status).toBe('failed');
  expect((await it.driver.builds.log(build, 1))[0]).toBe('The build failed: not done in 1500 ms');
  // On a machine so busy that npm did not get to the command there is no process to look for.
  if (existsSync(`${it.gate}.waiting`)) await ended(Number(await readFile(`${it.gate}.waiting`, 'utf8')));
});

it('is made after the one before it, newest first in the list', async () => {
  const it = await gated();
  const first = await start(it);
  const second = await start(it);
  expect((await it.driver.builds.list('cap-1')).map(({ id }) => id)).toEqual([second.id, first.id]);
  expect(await status(it, second.id)).toMatchObject({ status: 'queued' });
  await writeFile(it.gate, 'both');
  expect(await over(it, second.id)).toMatchObject({ status: 'succeeded', deployed: true });
  expect(await status(it, first.id)).toMatchObject({ status: 'succeeded', deployed: false });
  // Only what is deployed stays on disk, besides the logs.
  expect(readdirSync(join(it.stateDir, 'builds')).sort()).toEqual([second.id, 'logs'].sort());
});

it('ends with the platform', async () => {
  const it = await gated({ graceMs: 200 });
  await start(it);
  await eventually('it builds', () => existsSync(`${it.gate}.waiting`) || undefined);
  const pid = Number(await readFile(`${it.gate}.waiting`, 'utf8'));
  const built = next(it.local, 'built');
  await it.local.stop();
  expect(await built).toMatchObject({ capsuleId: 'cap-1', status: 'Failed' });
  await ended(pid);
});

describe('the driver, when an answer is lost', () => {
  it('finds the build that began, and starts no second one', async () => {
    const it = await gated();
    it.local.faults.set({ buildAnswerLost: 1 });
    const build = await start(it);
    await writeFile(it.gate, 'once');
    expect(await over(it, build.id)).toMatchObject({ status: 'succeeded' });
    expect(it.local.counters.builds).toBe(1);
  });

  it('says that one may have begun when none is to be seen', async () => {
    const it = await gated();
    it.local.faults.set({ buildLost: 1 });
    const driver = driverOf(it.local, { sleep: async () => undefined });
    await expect(start({ ...it, driver })).rejects.toMatchObject({
      kind: 'unavailable',
      mayHaveApplied: true,
    });
    expect(it.local.counters.builds).toBe(0);
    await driver.close();
  });
});
