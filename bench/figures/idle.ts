/** What an orchestrator costs that has nothing to do: `node dist/index.js`, its database elsewhere, all capsules asleep. */
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../test/support/ports';
import { startProcess } from '../../test/support/processes';
import { median, type Figure } from '../figure';
import { startFixedPlatform } from '../support/fixed-platform';
import { cpuMsOf, residentMb } from '../support/proc';
import { startPostgres } from '../support/services';

/** The start's work is over and collected after this: with so little to do V8 takes up to a minute. */
const SETTLE_MS = 60_000;
const WINDOWS = 3;
const WINDOW_MS = 10_000;

export const idle: Figure = {
  id: 'idle',
  measure: async (bench) => {
    const postgres = await startPostgres(bench);
    const server = await startProcess(process.execPath, ['dist/index.js'], {
      env: {
        NODE_ENV: undefined,
        // The machine's own certificates, where it names some, are 3.4 MB that say nothing of the orchestrator.
        NODE_EXTRA_CA_CERTS: undefined,
        REDIS_URL: undefined,
        DATABASE_URL: await postgres.create(),
        PORT: String(await freePort()),
        CC_API_URL: await startFixedPlatform(bench.cleanup, 0),
        CC_API_TOKEN: 'bench',
        CC_CAPSULE_ID_SITE_CRAWLER: 'site-crawler',
        CC_CAPSULE_ID_SEO_ANALYSER: 'seo-analyser',
        CC_CAPSULE_ID_REPORT_NOTIFIER: 'report-notifier',
      },
    });
    bench.cleanup.add(server, (s) => s.stop());
    await server.waitFor(/reveille is up/);
    await delay(SETTLE_MS);
    const cpu: number[] = [];
    const memory: number[] = [];
    for (let i = 0; i < WINDOWS; i += 1) {
      const before = await cpuMsOf(server.pid);
      const begin = performance.now();
      await delay(WINDOW_MS);
      cpu.push((100 * ((await cpuMsOf(server.pid)) - before)) / (performance.now() - begin));
      memory.push(await residentMb(server.pid));
      bench.log(`${memory.at(-1)?.toFixed(1)} MB, ${cpu.at(-1)?.toFixed(2)} % of a core`);
    }
    return [
      {
        id: 'idle-memory',
        name: 'orchestrator alone, idle: resident memory',
        value: median(memory),
        unit: 'MB',
        goal: { kind: 'at-most', value: 90 },
      },
      {
        id: 'idle-cpu',
        name: 'orchestrator alone, idle: CPU',
        value: median(cpu),
        unit: '% of a core',
        goal: { kind: 'at-most', value: 0.5 },
      },
    ];
  },
};
