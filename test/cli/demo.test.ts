/** The demo as a person starts it: real processes, its own Postgres, from nothing to asleep. */
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';

const CLI = resolve(__dirname, '../../dist/cli/index.js');
const DEADLINE_MS = 60_000;

const Summary = z.strictObject({
  runId: z.uuid(),
  status: z.literal('succeeded'),
  steps: z
    .array(
      z.strictObject({
        id: z.string(),
        status: z.literal('succeeded'),
        attempts: z.number().int().positive(),
        bootMs: z.number().positive(),
        workMs: z.number().nonnegative(),
        totalMs: z.number().positive(),
      }),
    )
    .length(3),
  billedSeconds: z.number().positive(),
  elapsedMs: z.number().positive(),
});

describe('reveille demo', () => {
  const processes = useProcesses();
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    folder = await temporaryFolder();
  });
  afterAll(() => folder.remove());

  // Neither a key nor a colour of the person who runs the tests may change what is shown.
  const env = { ANTHROPIC_API_KEY: undefined, SLACK_WEBHOOK_URL: undefined, NO_COLOR: '1' };
  const start = (...args: string[]) =>
    processes.start(process.execPath, [CLI, 'demo', '--data-dir', join(folder.path, 'demo'), ...args], {
      env,
    });

  it(
    'audits its site, prints the report and the bill, and exits once everything sleeps',
    async () => {
      const demo = await start('--once', '--json');
      expect((await demo.exited).code).toBe(0);
      const lines = demo.output().trim().split('\n');
      const summary = Summary.parse(JSON.parse(lines.at(-1) as string));
      expect(summary.steps.map((s) => s.id)).toEqual(['crawl', 'analyse', 'notify']);
      for (const word of ['queued', 'waking', 'healthy', 'running', 'result', 'asleep']) {
        expect(lines.filter((l) => l.includes(` ${word} `)).length).toBeGreaterThanOrEqual(3);
      }
      expect(demo.output()).toMatch(/billed +[\d.]+ replica-seconds: boot .* work .* linger/);
      expect(demo.output()).toMatch(/next run +At 09:00, only on Monday \(Europe\/Berlin\)/);
      expect(demo.output()).toMatch(/API docs +http:\/\/localhost:\d+\/docs/);
      const reports = await readdir(join(folder.path, 'demo', 'reports'));
      expect(
        reports
          .filter((f) => f.includes(summary.runId))
          .map((f) => f.split('.').at(-1))
          .sort(),
      ).toEqual(['html', 'md']);
    },
    DEADLINE_MS,
  );

  it(
    'picks up what a kill -9 of everything left, and finishes that run too',
    async () => {
      const killed = await start('--once');
      await killed.waitFor(/analyse +waking/);
      killed.kill('SIGKILL');
      await killed.exited;
      const postmaster = Number(
        (await readFile(join(folder.path, 'demo', 'postgres', 'cluster', 'postmaster.pid'), 'utf8')).split(
          '\n',
        )[0],
      );
      process.kill(postmaster, 'SIGKILL');
      const demo = await start('--once');
      expect((await demo.exited).code).toBe(0);
      expect(demo.output()).toMatch(/notify +result .*\(a run of the last start\)/);
    },
    DEADLINE_MS,
  );

  it(
    'goes on until it is interrupted, and then leaves nothing running',
    async () => {
      const here = { cwd: folder.path, env };
      const demo = await processes.start(process.execPath, [CLI, 'demo'], here);
      await demo.waitFor(/goes on running/, DEADLINE_MS);
      // Wherever it listens: commands find what runs in their folder.
      const asked = await processes.start(process.execPath, [CLI, 'capsules'], {
        ...here,
        env: { ...env, REVEILLE_URL: undefined, XDG_CONFIG_HOME: '/nowhere' },
      });
      expect((await asked.exited).code).toBe(0);
      expect(asked.output()).toMatch(/demo-site-crawler +asleep/);
      demo.killAlone('SIGINT');
      expect((await demo.exited).code).toBe(0);
    },
    DEADLINE_MS,
  );

  it('says what is wrong with its options', async () => {
    const demo = await start('--site', 'ftp://example.com');
    expect((await demo.exited).code).toBe(2);
    expect(demo.output()).toMatch(/http or https address/);
  });
});
