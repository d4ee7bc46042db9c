import { Agent, request } from 'node:http';
import { useInstallations, type Installation } from './support/fixture';

/** 50 for the whole proof: SLOTS_LOAD_SWAPS=50. */
const SWAPS = Number(process.env['SLOTS_LOAD_SWAPS'] ?? 6);
const CLIENTS = 8;

describe('under load', () => {
  const make = useInstallations();
  let app: Installation;

  beforeAll(async () => {
    app = await make({ drain_timeout_ms: 1_000 });
  });

  it('one of 40 deployments at once wins, and the others leave nothing behind', async () => {
    const commits = Array.from({ length: 40 }, (_, i) => app.repo.commit({ version: `c${i}` }));
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
      const load = startLoad(app.ports.app);
      for (let i = 1; i <= SWAPS; i += 1) {
        const answer =
          i % 3 === 0 ? app.call('POST', '/rollback') : app.deploy(commits[i % commits.length] ?? '');
        expect((await answer).status).toBe(200);
      }
      const { answers, failures } = await load.stop();
      expect(failures).toEqual([]);
      // Otherwise nothing is proved.
      expect(answers.size).toBeGreaterThanOrEqual(3);
      expect([...answers.values()].reduce((sum, n) => sum + n, 0)).toBeGreaterThan(SWAPS * CLIENTS);
    },
    20_000 + SWAPS * 5_000,
  );
});

/** Clients that ask again as soon as they are answered: half on kept connections, half on new ones, GET and POST. */
function startLoad(port: number) {
  const answers = new Map<string, number>();
  const failures: string[] = [];
  let stopped = false;
  const kept = new Agent({ keepAlive: true });
  const once = (client: number) =>
    new Promise<void>((resolve) => {
      const options = { host: '127.0.0.1', port, method: client % 4 < 2 ? 'GET' : 'POST' };
      const outgoing = request({ ...options, agent: client % 2 === 0 ? kept : false }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.once('end', () => {
          if (answer.statusCode !== 200) failures.push(`${answer.statusCode} ${text}`);
          else answers.set(text, (answers.get(text) ?? 0) + 1);
          resolve();
        });
        answer.once('error', (error) => resolve(void failures.push(String(error))));
      });
      outgoing.once('error', (error) => resolve(void failures.push(String(error))));
      outgoing.end();
    });
  const clients = Array.from({ length: CLIENTS }, async (_, client) => {
    while (!stopped) await once(client);
  });
  return {
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
      kept.destroy();
      return { answers, failures };
    },
  };
}
