/**
 * What a deploy controller costs: how long a swap, a rollback and a deployment take beyond the app's own time,
 * what its proxy takes of the app's requests, and its memory. The controller is the built one; the app is that
 * of the tests.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { temporaryFolder } from '../../test/support/folders';
import { freePort } from '../../test/support/ports';
import { startProcess, type ProcessOptions } from '../../test/support/processes';
import { Installation, Repository } from '../../test/slots/support/fixture';
import { median, type Bench, type Figure, type Measurement } from '../figure';
import { residentMb } from '../support/proc';

const BIN = 'dist/cli/slots-bin.js';
const DEPLOYS = 12;
const ROLLBACKS = 20;
const BOOTS = 7;
const SETTLE_MS = 10_000;
const ROUNDS = 3;
const ROUND_S = 6;
const CONNECTIONS = 32;
/** What an app that does something works on a request. */
const WORK_MS = 2;
const START_MS = 30_000;

export const slots: Figure = {
  id: 'slots',
  measure: async (bench) => {
    const app = await install(bench);
    const commits = ['A', 'B', 'C'].map((version) => app.repo.commit({ version }));
    const working = app.repo.commit({ version: 'working', workMs: WORK_MS });
    await app.start({ REVEILLE_SLOTS_REGISTRY: app.folder }, BIN);
    await app.live(commits[0] ?? '');
    await delay(SETTLE_MS);
    const memory = await residentMb(app.process?.pid ?? 0);
    const deploys = await deployments(bench, app, commits);
    const rollbacks = await measureRollbacks(bench, app);
    const afterwards = await residentMb(app.process?.pid ?? 0);
    const bare = await proxied(bench, app);
    await app.live(working);
    const real = await proxied(bench, app);
    return [
      figure('slots-flip', 'the swap itself, slowest', Math.max(...deploys.flips), 'ms', 1),
      figure(
        'slots-deploy',
        'deployment beyond checkout, setup and boot',
        median(deploys.overheads),
        'ms',
        300,
      ),
      figure('slots-rollback', 'warm rollback to the first answer', median(rollbacks), 'ms', 100),
      figure('slots-proxy', `requests lost to the proxy, app works ${WORK_MS} ms`, real, '%', 15),
      {
        id: 'slots-proxy-bare',
        name: 'requests lost to the proxy, app does nothing',
        value: bare,
        unit: '%',
      },
      figure('slots-memory', 'controller with an app at rest', memory, 'MB', 80),
      {
        id: 'slots-memory-after',
        name: `controller after ${DEPLOYS} deployments`,
        value: afterwards,
        unit: 'MB',
      },
    ];
  },
};

const figure = (id: string, name: string, value: number, unit: string, goal: number): Measurement => ({
  id,
  name: `slots: ${name}`,
  value,
  unit,
  goal: { kind: 'at-most', value: goal },
});

async function install(bench: Bench): Promise<Installation> {
  const { path, remove } = await temporaryFolder();
  bench.cleanup.add(remove, (r) => r());
  mkdirSync(join(path, 'repo'));
  const ports = { app: await freePort(), internal: await freePort(), api: await freePort() };
  const start = async (file: string, args: readonly string[], options?: ProcessOptions) =>
    bench.cleanup.add(await startProcess(process.execPath, [file, ...args], options), (p) => p.stop());
  const app = new Installation(new Repository(join(path, 'repo')), path, ports, { startScript: start });
  app.contract({ drain_timeout_ms: 500 });
  return app;
}

/** What a deployment takes beyond Git's checkout, the setup, and the app's boot as it is by itself. */
async function deployments(bench: Bench, app: Installation, commits: readonly string[]) {
  const boots: number[] = [];
  for (let i = 0; i < BOOTS; i += 1) boots.push(await bootAlone(bench, app.repo.folder));
  const boot = median(boots);
  const overheads: number[] = [];
  const flips: number[] = [];
  for (let i = 1; i <= DEPLOYS; i += 1) {
    const begin = performance.now();
    const { body } = await app.live(commits[i % commits.length] ?? '');
    const ms = performance.now() - begin;
    const timings = body['timings'] as Record<string, number>;
    flips.push(timings['flip'] ?? Infinity);
    overheads.push(ms - (timings['checkout'] ?? 0) - (timings['setup'] ?? 0) - boot);
  }
  bench.log(`the app boots by itself in ${boot.toFixed(0)} ms`);
  return { overheads, flips };
}

async function bootAlone(bench: Bench, cwd: string): Promise<number> {
  const ports = { PORT: String(await freePort()), INTERNAL_PORT: String(await freePort()) };
  const begin = performance.now();
  const alone = await startProcess('/bin/sh', ['-c', './start.sh'], { cwd, env: ports });
  bench.cleanup.add(alone, (p) => p.stop());
  const isWell = () =>
    fetch(`http://127.0.0.1:${ports.INTERNAL_PORT}/healthz`).then(
      (answer) => answer.ok,
      () => false, // Not listening yet.
    );
  while (!(await isWell())) {
    if (performance.now() - begin > START_MS) throw new Error('the app alone does not start');
    await delay(1);
  }
  const ms = performance.now() - begin;
  await alone.stop();
  return ms;
}

async function measureRollbacks(bench: Bench, app: Installation): Promise<number[]> {
  const all: number[] = [];
  for (let i = 0; i < ROLLBACKS; i += 1) {
    const before = await app.get();
    const begin = performance.now();
    const answered = app.call('POST', '/rollback');
    while ((await app.get()) === before) {
      if (performance.now() - begin > START_MS) throw new Error('a rollback does not take effect');
    }
    all.push(performance.now() - begin);
    if ((await answered).body['warm'] !== true) throw new Error('the previous slot was not warm');
  }
  bench.log(`slowest rollback ${Math.max(...all).toFixed(1)} ms`);
  return all;
}

/** Share of the app's own requests a second that is lost behind the proxy, in turns with the app alone. */
async function proxied(bench: Bench, app: Installation): Promise<number> {
  const direct = (await app.status()).slots.find(({ role }) => role === 'live')?.port ?? 0;
  const rates: { alone: number; behind: number }[] = [];
  for (let i = 0; i < ROUNDS; i += 1)
    rates.push({ alone: await rate(direct), behind: await rate(app.ports.app) });
  const [alone, behind] = [median(rates.map((r) => r.alone)), median(rates.map((r) => r.behind))];
  bench.log(`alone ${alone.toFixed(0)} requests/s, behind the proxy ${behind.toFixed(0)}`);
  return 100 * (1 - behind / alone);
}

async function rate(port: number): Promise<number> {
  const options = { url: `http://127.0.0.1:${port}/work`, connections: CONNECTIONS, duration: ROUND_S };
  const { requests, errors, non2xx } = await autocannon(options);
  if (errors + non2xx > 0) throw new Error(`${errors} errors and ${non2xx} refusals under load`);
  return requests.average;
}
