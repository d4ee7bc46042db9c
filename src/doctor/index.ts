/** `GET /doctor`: everything that has to be in order before an installation is trusted, looked at for real. */
import type { Config, PlatformConfig } from '../config';
import type { Clock, Log, Queue } from '../engine/ports';
import type { Platform } from '../platforms/platform';
import type { Registry } from '../registry';
import type { Store } from '../store/store';
import { examineDatabase } from './database';
import { examineLogin } from './login';
import { unknown, type Finding } from './finding';
import * as operation from './operation';
import * as people from './people';
import { examineClockOf, examineDialects, examinePlatform, examinePublicUrl, examineWay } from './platform';
import { examineRedis } from './redis';
import { examineSecrets } from './secrets';
import { examineWebhooks } from './webhooks';

export type { Finding } from './finding';

export interface DoctorDeps {
  config: Config;
  env: Readonly<Record<string, string | undefined>>;
  databaseUrl: string;
  publicUrl: string;
  store: Store;
  queue: Pick<Queue, 'schedules'>;
  platform: Platform;
  registry: Registry;
  clock: Clock;
  log: Pick<Log, 'warn'>;
  /** What is wrong with the provider that people log in at. Absent: there is none. */
  loginFault?: () => Promise<string | undefined>;
  /** A driver for a shape of the API that is not in use. */
  makePlatform: (config: PlatformConfig) => Platform;
}

/** What one check may take; the rest is told all the same. */
const CHECK_MS = 15_000;

/** Every check at once; none of them writes anything. In the order in which people read them. */
export async function examine(deps: DoctorDeps): Promise<Finding[]> {
  const { config, env, store, registry, clock, platform, publicUrl } = deps;
  const now = clock.now();
  const { codeCapsules, environment } = config;
  const platformUrl = codeCapsules?.apiUrl ?? codeCapsules?.clusterUrl;
  const checks: Array<[string, () => Promise<Finding | Finding[]> | Finding | Finding[]]> = [
    ['node', () => operation.examineVersions(process.version)],
    ['config', () => operation.examineConfig(config)],
    ['secrets', () => examineSecrets(env)],
    ['database', () => examineDatabase(deps.databaseUrl, config.storage.migrateUrl !== undefined)],
    ['queue', () => examineRedis(config.storage.redisUrl?.reveal())],
    ['backups', () => operation.examineBackups(config.storage.backupDir, now)],
    ['capsule', () => examinePlatform(platform, registry)],
    ['api', () => examineDialects(config, registry, deps.makePlatform)],
    ['clock', () => examineClockOf('platform', platformUrl)],
    ['public-url', () => examinePublicUrl({ environment }, publicUrl)],
    ['webhooks', () => examineWebhooks(store, now, publicUrl)],
    ['proxies', () => examineWay(config, publicUrl)],
    ['login', () => examineLogin(config, deps.loginFault)],
    ['reviewers', () => people.examineReviewers(store, config, now)],
    ['thresholds', () => people.examineThresholds(config)],
    ['switches', () => operation.examineSwitches(store, registry, environment, now)],
    ['budgets', () => operation.examineBudgets(store, now)],
    ['evals', () => people.examineBaselines(store, registry, environment)],
    ['schedules', () => operation.examineSchedules(deps.queue, registry)],
    ['ledger', () => operation.examineLedger(store, clock)],
  ];
  return (await Promise.all(checks.map(([name, check]) => bounded(name, check, deps)))).flat();
}

async function bounded(
  name: string,
  check: () => Promise<Finding | Finding[]> | Finding | Finding[],
  { clock, log }: DoctorDeps,
): Promise<Finding[]> {
  let cancel: () => void = () => undefined;
  const late = new Promise<Finding[]>((resolve) => {
    cancel = clock.after(CHECK_MS, () =>
      resolve([unknown(name, `was not told within ${CHECK_MS / 1_000} s`)]),
    );
  });
  try {
    return await Promise.race([(async () => [await check()].flat())(), late]);
  } catch (error) {
    log.warn({ err: error }, `doctor: ${name} could not be looked at`);
    return [unknown(name, 'could not be looked at; the log says why')];
  } finally {
    cancel();
  }
}
