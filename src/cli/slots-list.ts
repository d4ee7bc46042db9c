/** `reveille slots list`: every app of this machine that was started by this user, and what is live of it. */
import { Command } from 'commander';
import { call } from '../slots/call';
import { knownApps, type KnownApp } from '../slots/registry';
import type { Status } from '../slots/status';
import { print, printable, printJson, table, terminalWidth, type Column } from './output';

/** One app that hangs must not hide the others. */
const ASK_MS = 3_000;

type ListedApp = KnownApp & Pick<Status, 'live_slot' | 'live_commit'> & { health: string };

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
      const apps = await Promise.all(knownApps().map(withStatus));
      if (json) return printJson(apps);
      if (apps.length === 0) return print('No app was started on this machine yet.');
      const lines = table(apps, COLUMNS, terminalWidth(), (title) => title);
      lines.forEach((line) => print(printable(line)));
    });
}

async function withStatus(app: KnownApp): Promise<ListedApp> {
  const unknown = { ...app, live_slot: '', live_commit: '' };
  if (!app.running) return { ...unknown, health: 'stopped' };
  try {
    const { body } = await call({ to: { port: app.api_port }, path: '/status', timeoutMs: ASK_MS });
    const { live_slot, live_commit, healthy } = JSON.parse(body) as Status;
    const health = live_slot === '' ? 'nothing live' : healthy ? 'healthy' : 'NOT HEALTHY';
    return { ...app, live_slot, live_commit, health };
  } catch {
    return { ...unknown, health: 'no answer' };
  }
}
