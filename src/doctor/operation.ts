/** What people set up: backups, switches, budgets, messages, keys, schedules, versions. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config';
import { switchOver, type Switch } from '../domain/guard/switch';
import { verifyStretch } from '../engine/audit/verify';
import type { Clock, Queue } from '../engine/ports';
import type { Registry } from '../registry';
import type { Store } from '../store/store';
import { fail, ok, unknown, warn, type Finding } from './finding';

const HOUR_MS = 3_600_000;
/** A day, and what a nightly job may take. */
const BACKUP_MAX_HOURS = 26;
const BACKUP = /\.(dump|sql|backup|tar)(\.(gz|zst|xz|bz2))?$/;
/** Files looked at: a folder of backups that is never cleared must not hold us up. */
const MAX_FILES = 10_000;
/** Entries of the ledger that are verified: the newest. */
const TAIL = 2_000;

export async function examineBackups(folder: string | undefined, now: number): Promise<Finding> {
  const make = 'pg_dump --format=custom --file="$BACKUP_DIR/reveille-$(date +%F).dump" "$DATABASE_URL"';
  if (folder === undefined)
    return unknown('backups', 'BACKUP_DIR is not set, so that none can be seen', make);
  try {
    const names = (await readdir(folder)).filter((name) => BACKUP.test(name)).slice(0, MAX_FILES);
    const files = await Promise.all(
      names.map(async (name) => ({ name, ...(await sizeOf(join(folder, name))) })),
    );
    const newest = files.filter(({ size }) => size > 0).sort((a, b) => b.at - a.at)[0];
    if (!newest) return fail('backups', 'there is none in BACKUP_DIR', make);
    const hours = (now - newest.at) / HOUR_MS;
    const text = `the newest, ${newest.name}, is ${hours.toFixed(0)} hours old`;
    return hours > BACKUP_MAX_HOURS ? fail('backups', text, make) : ok('backups', text);
  } catch (error) {
    return fail(
      'backups',
      `BACKUP_DIR cannot be read (${(error as { code?: string }).code ?? 'unknown'})`,
      make,
    );
  }
}

const sizeOf = (path: string) => stat(path).then(({ size, mtimeMs }) => ({ size, at: mtimeMs }));

/** A dry run: a global switch, as it would be, has to hold each agent and each workflow. Nothing is written. */
export async function examineSwitches(
  store: Pick<Store, 'switches'>,
  { agents, workflows }: Pick<Registry, 'agents' | 'workflows'>,
  environment: string,
  now: number,
): Promise<Finding[]> {
  const trial: Switch = {
    ...{ id: 'trial', scope: 'global', subject: '', message: 'a dry run', owner: 'doctor' },
    ...{ createdAt: now, inForceAt: now },
  };
  const scopes = [
    ...agents.map(({ id }) => ({ agentId: id })),
    ...workflows.map(({ id }) => ({ workflowId: id })),
  ];
  const missed = scopes.filter((scope) => switchOver([trial], { ...scope, environment }) === undefined);
  const { items } = await store.switches({ on: true }, 100);
  const dry =
    missed.length > 0
      ? fail(
          'switches',
          `a global switch would not hold ${JSON.stringify(missed[0])}`,
          'Report it: nothing else stops everything',
        )
      : ok(
          'switches',
          `a global switch would hold all ${agents.length} agents and ${workflows.length} workflows (dry run)`,
        );
  const held = items.map((s) =>
    warn(
      'switches',
      `${s.scope === 'global' ? 'everything' : `${s.scope} ${s.subject}`} is switched off`,
      `reveille resume --switch ${s.id}`,
    ),
  );
  return [dry, ...held];
}

export async function examineLedger(
  store: Pick<Store, 'ledgerEnd' | 'ledgerRows'>,
  clock: Clock,
): Promise<Finding> {
  const { seq } = await store.ledgerEnd();
  const [before] = seq > TAIL ? await store.ledgerRows(seq - TAIL - 1, 1) : [];
  const from = before && { seq: before.seq, hash: before.hash };
  const { findings, entries } = await verifyStretch({ store, clock }, from ? { from } : {});
  const [first] = findings;
  if (first) return fail('ledger', first.reason, 'reveille audit verify');
  return ok('ledger', `the newest ${entries} of ${seq} entries are whole; "reveille audit verify" reads all`);
}

export async function examineBudgets(store: Pick<Store, 'budgetUses'>, now: number): Promise<Finding[]> {
  const day = new Date(now).toISOString().slice(0, 10);
  const uses = await store.budgetUses({ day, month: day.slice(0, 7) });
  const count = (measure: 'usd' | 'actions') =>
    uses.filter(({ budget }) => budget.measure === measure).length;
  const [budgets, caps] = [count('usd'), count('actions')];
  return [
    budgets > 0
      ? ok('budgets', `${budgets} ${budgets === 1 ? 'is' : 'are'} set`)
      : warn(
          'budgets',
          'none is set: nothing but the platform limits what is spent',
          'Set BUDGET_DAY_USD: docs/budgets.md',
        ),
    caps > 0
      ? ok('caps', `${caps} ${caps === 1 ? 'is' : 'are'} set`)
      : warn(
          'caps',
          'none is set: nothing limits how often agents act',
          'Set MAX_ACTIONS_PER_DAY: docs/budgets.md',
        ),
  ];
}

export async function examineSchedules(
  queue: Pick<Queue, 'schedules'>,
  { workflows }: Pick<Registry, 'workflows'>,
) {
  const wanted = workflows
    .filter(({ schedule }) => schedule && schedule.enabled !== false)
    .map(({ id }) => id);
  const present = new Set(await queue.schedules());
  const missing = wanted.filter((id) => !present.has(id));
  return missing.length > 0
    ? fail('schedules', `${missing.join(', ')} not registered with the queue`, 'reveille doctor --fix')
    : ok('schedules', `${wanted.length} registered`);
}

export function examineConfig({ environment, engineEnabled, http, notify, audit }: Config): Finding[] {
  const channels = [notify.slackUrl, notify.telegram, notify.email, notify.webhook, notify.pagerDuty].filter(
    Boolean,
  );
  const isProduction = environment === 'production';
  return [
    isProduction
      ? ok('environment', environment)
      : warn('environment', `${environment}, not production`, 'NODE_ENV=production'),
    engineEnabled
      ? ok('engine', 'wakes and sends')
      : warn(
          'engine',
          'is disabled: it observes and sends nothing',
          'ENGINE_ENABLED=true, once all of this is in order',
        ),
    http.apiKeys.length > 0
      ? ok('keys', `${http.apiKeys.length} configured`)
      : warn(
          'keys',
          'none is configured: whoever is on this machine may do anything',
          'API_KEYS="$(openssl rand -hex 32)"',
        ),
    channels.length > 0
      ? ok('messages', `${channels.length} ${channels.length === 1 ? 'channel' : 'channels'} configured`)
      : warn(
          'messages',
          'nobody is told of alerts',
          'Set a channel, e.g. NOTIFY_SLACK_URL: docs/configuration.md',
        ),
    audit.key
      ? ok('checkpoints', 'of the ledger are signed')
      : warn(
          'checkpoints',
          'of the ledger are not signed: one that is rewritten as a whole goes unnoticed',
          'reveille audit keygen',
        ),
  ];
}

const OLDEST_NODE = [20, 20] as const;

export function examineVersions(node: string): Finding {
  const [major = 0, minor = 0] = node.replace(/^v/, '').split('.').map(Number);
  const isNew = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return isNew ? ok('node', node) : fail('node', `${node} is too old`, 'Use Node.js 20.20 or newer');
}
