/** What is deployed: the built orchestrator, started by its Procfile and by `npm start`, and stopped by a signal. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { agentVariables, registry } from '../../src/registry';
import { freePort } from '../support/ports';
import { useProcesses, type TestProcess } from '../support/processes';
import { allAsleep, ended, outputOf, statuses, trigger } from './support/runs';
import { capsuleIdOf, World } from './support/world';

const ROOT = resolve(__dirname, '../..');
const UP = /"url":"([^"]+)","role":"(\w+)","msg":"reveille is up"/;
/** A machine that others use as well takes long to start node, npm and a shell. */
const START_MS = 40_000;

/** The command behind `web:`, as the platform reads it. */
const web = (): string => {
  const [, command] = /^web: (.+)$/m.exec(readFileSync(join(ROOT, 'Procfile'), 'utf8')) ?? [];
  if (command === undefined) throw new Error('the Procfile has no web');
  return command;
};

describe('what is deployed', () => {
  const processes = useProcesses();
  let world: World;

  beforeAll(async () => {
    const { agents, workflows } = registry({});
    world = await World.start({ agents: agents.map(({ id }) => ({ id })), workflows });
  });

  afterAll(() => world.close());

  /** The environment of a deployment in which the agents are deployed as well. */
  const environment = (more: Record<string, string> = {}) => {
    const named = world.registry.agents.flatMap(({ id, baseUrl }) => [
      [agentVariables(id).capsuleId, capsuleIdOf(id)],
      [agentVariables(id).baseUrl, baseUrl],
    ]);
    return { ...world.env({ LOG_LEVEL: 'info', ...more }), ...(Object.fromEntries(named) as object) };
  };

  /** Answers the address, once both its life and its readiness are told there. */
  const up = async (child: TestProcess, role: string): Promise<string> => {
    const [, url = '', as] = await child.waitFor(UP, START_MS);
    expect(as).toBe(role);
    for (const path of ['/health', '/ready']) expect((await fetch(`${url}${path}`)).status).toBe(200);
    return url;
  };

  const isGone = (url: string) =>
    expect(fetch(`${url}/health`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });

  it(
    'is two processes by role, started by the Procfile, that run a workflow and end on SIGTERM',
    async () => {
      const start = async (role: string) => {
        const env = environment({ ROLE: role, PORT: String(await freePort()) });
        return processes.start('sh', ['-c', `exec ${web()}`], { cwd: ROOT, env });
      };
      const [api, worker] = [await start('web'), await start('worker')];
      const urls = [await up(api, 'web'), await up(worker, 'worker')] as const;
      const run = await trigger({ url: urls[0] }, 'site-audit');
      const reader = await world.orchestrate({ env: { ROLE: 'web' } });
      expect(statuses(await ended(reader, run))).toEqual(['succeeded', 'succeeded', 'succeeded']);
      expect(await outputOf(reader, run, 'notify')).toMatchObject({ from: 'notify' });
      for (const child of [api, worker]) {
        child.killAlone('SIGTERM');
        expect(await child.exited).toEqual({ code: 0, signal: null });
        expect(child.output()).toContain('"msg":"stopped"');
      }
      await Promise.all(urls.map(isGone));
      await world.stop(reader);
      await allAsleep(world, await world.orchestrate());
    },
    2 * START_MS,
  );

  it(
    'is started by npm start as well, which hands the signal on',
    async () => {
      const env = environment({ PORT: String(await freePort()) });
      const npm = await processes.start('npm', ['start'], { cwd: ROOT, env });
      const url = await up(npm, 'all');
      npm.killAlone('SIGTERM');
      expect(await npm.exited).toEqual({ code: 0, signal: null });
      expect(npm.output()).toContain('"msg":"stopped"');
      await isGone(url);
    },
    2 * START_MS,
  );

  it('does not load the tables of all locales, which an orchestrator at rest has no use for', async () => {
    const watched = ['--require', join(__dirname, 'support/locales-watched.cjs'), 'dist/index.js'];
    const child = await processes.start(process.execPath, watched, { cwd: ROOT, env: environment() });
    await up(child, 'all');
    child.killAlone('SIGTERM');
    expect(await child.exited).toEqual({ code: 0, signal: null });
    expect(child.output()).not.toContain('locales used by');
  });

  it('refuses to start in production where something is missing, and says all of it at once', async () => {
    const env = { ...environment(), NODE_ENV: 'production', DATABASE_URL: undefined, PUBLIC_URL: undefined };
    const child = await processes.start(process.execPath, ['dist/index.js'], { cwd: ROOT, env });
    expect(await child.exited).toEqual({ code: 1, signal: null });
    for (const name of ['DATABASE_URL', 'API_KEYS', 'PUBLIC_URL']) expect(child.output()).toContain(name);
    expect(child.output()).toMatch(/^Reveille cannot start:$/m);
  });

  it.each([
    [
      'a database nobody serves',
      { DATABASE_URL: 'postgres://u:hidden@127.0.0.1:1/x' },
      /^DATABASE_URL: no Postgres/m,
    ],
    [
      'a Redis nobody serves',
      { REDIS_URL: 'redis://:hidden@127.0.0.1:1' },
      /^REDIS_URL: .*ECONNREFUSED.*or unset it/m,
    ],
    [
      'a host that is not here',
      { HOST: '203.0.113.1', API_KEYS: 'k'.repeat(32) },
      /^HOST: "203\.0\.113\.1" is no address of this machine/m,
    ],
  ])('refuses to start on %s, by its variable and without a stack', async (_what, wrong, told) => {
    const env = { ...environment(), ...wrong };
    const child = await processes.start(process.execPath, ['dist/index.js'], { cwd: ROOT, env });
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output()).toMatch(told);
    expect(child.output()).toContain('Reveille cannot start:');
    expect(child.output()).not.toMatch(/^\s+at |hidden/m);
  });
});
