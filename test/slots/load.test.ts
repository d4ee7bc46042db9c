import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import autocannon from 'autocannon';
import { useInstallations, type Installation } from './support/fixture';

const SWAPS = 50;
const PACE_MS = 20;

describe('under load', () => {
  const make = useInstallations();
  let app: Installation;

  beforeAll(async () => {
    app = await make({ drain_timeout_ms: 1_000 });
  });

  it('one of 40 deployments at once wins, and the others leave nothing behind', async () => {
    app.repo.commit({ version: 'first' });
    const commits = app.repo.commits(Array.from({ length: 40 }, (_, i) => `c${i}`));
    await app.start();
    const answers = await Promise.all(commits.map((commit) => app.deploy(commit)));
    const won = answers.filter(({ status }) => status === 200);
    expect(won).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(39);
    expect(await app.status()).toMatchObject({ live_commit: won[0]?.body.commit, healthy: true });
    expect(app.slotFolders()).toHaveLength(2);
    expect(app.worktrees()).toHaveLength(2);
    expect(app.appGroups()).toHaveLength(1);
  });

  it(
    `no request fails during ${SWAPS} deployments and rollbacks`,
    async () => {
      const commits = ['A', 'B', 'C'].map((version) => app.repo.commit({ version }));
      await app.live(commits[0] ?? '');
      const kept = startLoad(app.ports.app, { connections: 6, overallRate: 300 });
      const posted = startLoad(app.ports.app, { connections: 2, overallRate: 60, method: 'POST' });
      const fresh = startFresh(app.ports.app);
      const seen = new Set<string>();
      let rollbacks = 0;
      for (let i = 1; i <= SWAPS; i += 1) {
        const back = i % 3 === 0;
        const answer = await (back
          ? app.call('POST', '/rollback')
          : app.deploy(commits[Math.floor(i / 2) % 3] ?? ''));
        expect(answer.status).toBe(200);
        if (back) rollbacks += 1;
        seen.add(await app.get());
      }
      expect(rollbacks).toBe(Math.floor(SWAPS / 3));
      const alone = await fresh();
      expect(alone.failures).toEqual([]);
      expect(alone.answered).toBeGreaterThan(SWAPS);
      for (const result of await Promise.all([kept(), posted()])) {
        const { errors, timeouts, non2xx, mismatches, '2xx': good } = result;
        expect({ errors, timeouts, non2xx, mismatches }).toEqual({
          errors: 0,
          timeouts: 0,
          non2xx: 0,
          mismatches: 0,
        });
        // Otherwise nothing is proved.
        expect(good).toBeGreaterThan(SWAPS);
      }
      expect([...seen].sort()).toEqual(['A', 'B', 'C']);
    },
    20_000 + SWAPS * 5_000,
  );
});

/** Clients that ask until they are told to end, and what they saw then. */
function startLoad(port: number, options: Partial<autocannon.Options>): () => Promise<autocannon.Result> {
  const url = `http://127.0.0.1:${port}`;
  const body = options.method === 'POST' ? { body: 'x'.repeat(1_000) } : {};
  let instance: autocannon.Instance | undefined;
  const done = new Promise<autocannon.Result>((resolve, reject) => {
    instance = autocannon({ url, duration: 600, timeout: 30, ...body, ...options }, (error, result) =>
      error ? reject(error instanceof Error ? error : new Error(String(error))) : resolve(result),
    );
  });
  return () => {
    (instance as unknown as { stop(): void }).stop();
    return done;
  };
}

/** A client that opens a connection for each request, one after the other. */
function startFresh(port: number): () => Promise<{ answered: number; failures: string[] }> {
  const seen = { answered: 0, failures: [] as string[] };
  let stopped = false;
  const once = () =>
    new Promise<void>((resolve) => {
      const failed = (why: string) => resolve(void seen.failures.push(why));
      const outgoing = request({ host: '127.0.0.1', port, agent: false }, (answer) => {
        if (answer.statusCode !== 200) return failed(String(answer.statusCode));
        answer.once('error', (error) => failed(String(error)));
        answer.once('end', () => resolve(void (seen.answered += 1))).resume();
      });
      outgoing.once('error', (error) => failed(String(error))).end();
    });
  const done = (async () => {
    // Paced, as a load that takes the whole machine slows what it is to prove.
    while (!stopped) await Promise.all([once(), delay(PACE_MS)]);
    return seen;
  })();
  return () => {
    stopped = true;
    return done;
  };
}
