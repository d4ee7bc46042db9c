import { createServer } from 'node:http';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { checkPlatform, type CheckOptions, type CheckReport } from '../../../src/platforms/check';
import { createDockerPlatform } from '../../../src/platforms/docker';
import { createFlyPlatform } from '../../../src/platforms/fly';
import type { Platform } from '../../../src/platforms/platform';
import { FakeEngine } from '../docker/fake-engine';
import { FakeMachines } from '../fly/fake-machines';
import { TYPESCRIPT } from '../../support/processes';

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const each of undo.splice(0).reverse()) await each();
});

async function machines(): Promise<FakeMachines> {
  const fly = new FakeMachines();
  await fly.api.listen();
  undo.push(() => fly.api.close());
  return fly;
}

async function engine(): Promise<FakeEngine & { host: string }> {
  const made = new FakeEngine('crawler', 10);
  await made.api.listen();
  undo.push(() => made.api.close());
  return Object.assign(made, { host: made.api.url.replace('http:', 'tcp:') });
}

const FAST = { capsuleId: 'crawler', pollMs: 5, changeMs: 10_000 };

/** A Docker driver, one of whose methods does something else. */
async function checkBroken(
  broken: (good: Platform) => Partial<Platform>,
  options: Partial<CheckOptions> = {},
) {
  const docker = await engine();
  const make = (): Platform => {
    const good = createDockerPlatform({ host: docker.host, stopSeconds: 1, maxRetries: 0 });
    const own: Platform = {
      name: good.name,
      scale: (...args) => good.scale(...args),
      observe: (...args) => good.observe(...args),
      close: () => good.close(),
    };
    return Object.assign(own, broken(good));
  };
  const report = await checkPlatform({ make, ...FAST, ...options });
  return { report, docker };
}

const failed = ({ results }: CheckReport): string[] =>
  results.filter(({ outcome }) => outcome.kind === 'fail').map(({ id }) => id);

describe('the conformance kit', () => {
  it('passes a platform that is as it should be, measures it and leaves it at zero', async () => {
    const fly = await machines();
    const seen: string[] = [];
    const make = (token: string) => () => createFlyPlatform({ token, apiUrl: fly.api.url });
    const report = await checkPlatform({
      make: make(fly.token),
      makeStranger: make('wrong'),
      ...FAST,
      capsuleId: fly.capsuleId,
      onResult: ({ id }) => seen.push(id),
    });
    expect(failed(report)).toEqual([]);
    expect(report).toMatchObject({ platform: 'fly', conforms: true, leftAtZero: true });
    expect(report.score).toMatchObject({ failed: 0, skipped: 0, passed: seen.length });
    expect(Object.keys(report.times)).toEqual(['scaleCall', 'observeCall', 'toOne', 'toZero']);
    expect(fly.state).toBe('stopped');
  });

  it('leaves out what cannot be tried, and says so', async () => {
    const { report } = await checkBroken(() => ({}));
    expect([report.conforms, report.score.skipped]).toEqual([true, 1]);
    const skipped = report.results.find(({ outcome }) => outcome.kind === 'skip');
    expect(skipped).toMatchObject({ id: 'wrong-credentials', outcome: { kind: 'skip' } });
  });

  it.each([
    ['a name that is none', () => ({ name: 'My Platform' }), ['name']],
    [
      'an unknown capsule that is taken for zero',
      (good: Platform) => ({
        observe: (id: string, signal?: AbortSignal) =>
          id === 'crawler' ? good.observe(id, signal) : Promise.resolve({ desired: 0, running: 0 } as const),
      }),
      ['unknown-capsule'],
    ],
    [
      'errors of its own',
      (good: Platform) => ({
        scale: (id: string, replicas: number, signal?: AbortSignal) =>
          good.scale(id, replicas, signal).catch(() => Promise.reject(new Error('oops'))),
      }),
      ['unknown-capsule', 'no-count', 'aborted-before', 'aborted-meanwhile'],
    ],
    [
      'a signal that is not heard',
      (good: Platform) => ({
        scale: (id: string, replicas: number) => good.scale(id, replicas),
        observe: (id: string) => good.observe(id),
      }),
      ['aborted-before'],
    ],
    ['a close that closes nothing', () => ({ close: () => Promise.resolve() }), ['close']],
  ])('finds %s', async (_name, broken: (good: Platform) => Partial<Platform>, ids) => {
    const closers: Platform[] = [];
    const { report } = await checkBroken((good) => {
      closers.push(good);
      return broken(good);
    });
    await Promise.all(closers.map((good) => good.close()));
    expect([failed(report), report.conforms]).toEqual([ids, false]);
  });

  it('finds a platform that never wakes, without waiting for ever', async () => {
    const { report } = await checkBroken(
      (good) => ({
        scale: (id, replicas, signal) =>
          replicas === 1 && id === 'crawler' && signal === undefined
            ? Promise.resolve()
            : good.scale(id, replicas, signal),
      }),
      { changeMs: 50 },
    );
    expect(failed(report)).toContain('wake-and-sleep');
    const { outcome } = report.results.find(({ id }) => id === 'wake-and-sleep')!;
    expect(outcome).toMatchObject({ saw: expect.stringContaining('desired 0') as string });
  });

  it('warns when the capsule was not seen at zero at the end', async () => {
    const { report } = await checkBroken(
      () => ({ observe: () => Promise.resolve({ desired: 0, running: 'unknown' }) }),
      { changeMs: 30 },
    );
    expect([report.leftAtZero, report.conforms]).toEqual([false, false]);
  });

  it('compares with the agent: zero is not told while it answers', async () => {
    const agent = createServer((_request, response) => response.end('ok'));
    await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
    undo.push(() => {
      const closed = new Promise((resolve) => agent.close(resolve));
      agent.closeAllConnections();
      return closed;
    });
    const { port } = agent.address() as { port: number };
    const { report } = await checkBroken(() => ({}), { agentUrl: `http://127.0.0.1:${port}` });
    expect(failed(report)).toEqual(['wake-and-sleep']);
    expect(report.times.toAnswer).toBeDefined();
  });

  it('stops when asked to, and still puts the capsule to zero', async () => {
    const controller = new AbortController();
    const { report, docker } = await checkBroken(
      (good) => ({
        scale: async (id, replicas, signal) => {
          await good.scale(id, replicas, signal);
          if (replicas === 1 && id === 'crawler') controller.abort(new Error('enough'));
        },
      }),
      { signal: controller.signal },
    );
    expect([report.conforms, report.leftAtZero, docker.status]).toEqual([false, true, 'exited']);
    expect(report.results.at(-1)?.outcome).toEqual({ kind: 'skip', reason: 'the check was stopped' });
  });

  it('does not hide what is wrong with itself', async () => {
    const throwing = () => ({
      observe: (): never => {
        throw new TypeError('a bug');
      },
    });
    await expect(checkBroken(throwing)).rejects.toThrow('a bug');
  });
});

describe('reveille platform check', () => {
  const ROOT = join(__dirname, '../../..');

  function cli(
    args: string[],
    env: Record<string, string>,
  ): Promise<{ code: number | null; out: string; err: string }> {
    const command = [...TYPESCRIPT, 'src/cli/index.ts', 'platform', 'check', ...args];
    const child = spawn(process.execPath, command, { cwd: ROOT, env: { PATH: process.env['PATH'], ...env } });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
    return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
  }

  it('prints a line for each case, the score and the times, and warns of the cost', async () => {
    const fly = await machines();
    const env = { FLY_API_TOKEN: fly.token, FLY_API_HOSTNAME: fly.api.url, PLATFORM: 'fly' };
    const { code, out, err } = await cli(['--capsule', fly.capsuleId], env);
    expect({ code, err }).toEqual({ code: 0, err: expect.stringContaining('costs the seconds') as string });
    expect(out.match(/^✓ /gm)).toHaveLength(11);
    expect(out).toMatch(/conforms: 11\/11 passed/);
    expect(out).toContain('until zero was seen');
    expect(`${out}${err}`).not.toContain(fly.token);
  }, 60_000);

  it('prints one document with --json, and fails with the score', async () => {
    const fly = await machines();
    const env = { FLY_API_TOKEN: 'canary-wrong', FLY_API_HOSTNAME: fly.api.url };
    const args = ['--platform', 'fly', '--capsule', fly.capsuleId, '--json', '--timeout', '1'];
    const { code, out, err } = await cli(args, env);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({ platform: 'fly', conforms: false, leftAtZero: false });
    // What everything else begins with is told once.
    expect(JSON.parse(out)).toMatchObject({ score: { failed: 1, passed: 1 } });
    expect(`${out}${err}`).not.toContain('canary-wrong');
  }, 60_000);

  it.each([
    [[], 'No platform is configured'],
    [['--platform', 'fly'], 'FLY_API_TOKEN'],
    [['--platform', 'kubernetes'], 'KUBECONFIG'],
  ])(
    '%j: says what is missing',
    async (args, said) => {
      const { code, err } = await cli([...args, '--capsule', 'x'], {});
      expect([code, err]).toEqual([2, expect.stringContaining(said)]);
    },
    60_000,
  );
});
