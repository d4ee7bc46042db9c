/** `reveille slots list`: every app of this machine that was started by this user, and what is live of it. */
import { Command } from 'commander';
import { call } from '../slots/call';
import { knownApps, type KnownApp } from '../slots/registry';
import type { Status } from '../slots/status';
import { print, printable, printJson, table, terminalWidth, type Column } from './output';

/** One app that hangs must not hide the others. */
const ASK_MS = 3_000;

export type ListedApp = KnownApp &
  Pick<Status, 'live_slot' | 'live_commit'> & {
    health: 'healthy' | 'NOT HEALTHY' | 'nothing live' | 'no answer' | 'stopped';
    /** Where its controller answers. */
    limits?: Status['limits'];
  };

const COLUMNS: ReadonlyArray<Column<ListedApp>> = [
  { title: 'app', value: (app) => app.app },
  { title: 'port', value: (app) => String(app.port) },
  { title: 'API', value: (app) => String(app.api_port) },
  { title: 'live', value: (app) => app.live_slot || '-' },
  { title: 'state', value: (app) => app.health },
  { title: 'repository', value: (app) => app.repo, flexible: true },
];

export function slotsListCommand(): Command {
  return new Command('list')
    .description('lists the apps of this machine, and what is live of each')
    .option('--json', 'the answer as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const apps = await listApps();
      if (json) return printJson(apps);
      if (apps.length === 0) return print('No app was started on this machine yet.');
      const lines = table(apps, COLUMNS, terminalWidth(), (title) => title);
      lines.forEach((line) => print(printable(line)));
    });
}

/** By name. @param folder where apps are written down, unless it is this user's */
export const listApps = (folder?: string): Promise<ListedApp[]> =>
  Promise.all(knownApps(folder).map(withStatus));

/** How limits hold, in words; undefined where the contract has none. */
export function limitsText({ by, unenforced = [], why }: Status['limits']): string | undefined {
  if (by === 'nothing') return undefined;
  const how = by === 'cgroup' ? 'by a control group for all of it' : 'by prlimit for each process';
  return unenforced.length > 0 ? `${how}; not ${unenforced.join(' and ')}: ${printable(why ?? '')}` : how;
}

async function withStatus(app: KnownApp): Promise<ListedApp> {
  const unknown = { ...app, live_slot: '', live_commit: '' };
  if (!app.running) return { ...unknown, health: 'stopped' };
  try {
    const { body } = await call({ to: { port: app.api_port }, path: '/status', timeoutMs: ASK_MS });
    const { live_slot, live_commit, healthy, limits } = JSON.parse(body) as Status;
    const health = live_slot === '' ? 'nothing live' : healthy ? 'healthy' : 'NOT HEALTHY';
    return { ...app, live_slot, live_commit, health, limits };
  } catch {
    return { ...unknown, health: 'no answer' };
  }
}
