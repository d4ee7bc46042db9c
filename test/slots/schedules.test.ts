import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../support/until';
import { useInstallations } from './support/fixture';

describe('what runs by the clock', () => {
  const make = useInstallations();
  const EVERY_SECOND = '* * * * * *';

  it("packs the repository's objects, and finds by itself that main is ahead", async () => {
    const app = await make({ gc_schedule: EVERY_SECOND, reconcile_schedule: EVERY_SECOND });
    const packs = () =>
      readdirSync(join(app.repo.folder, '.git/objects/pack')).filter((name) => name.endsWith('.pack'));
    const a = app.repo.commit({ version: 'A' });
    expect(packs()).toEqual([]);
    await app.start();
    await app.live(a);
    await until(() => packs().length > 0, { what: 'a pack', deadlineMs: 20_000 });
    app.repo.commit({ version: 'B' });
    await until(async () => (await app.status()).findings.includes('main-ahead'), {
      what: 'the finding',
      deadlineMs: 20_000,
    });
    expect(await app.get()).toBe('A');
  });
});
