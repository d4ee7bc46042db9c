/** What the doctor says of apps on this machine that deploy themselves: the orchestrator knows nothing of them. */
import type { Item } from './doctor';
import { limitsText, listApps, type ListedApp } from './slots-list';

const CHECK = 'slots';

/** A line for each app; none where none was ever started. @param folder where they are written down */
export const examineSlots = async (folder?: string): Promise<Item[]> =>
  (await listApps(folder)).map(examineApp);

function examineApp({ app, repo, health, limits }: ListedApp): Item {
  const line = (verdict: Item['verdict'], text: string, mend: string | null = null): Item => ({
    ...{ check: CHECK, verdict, mend },
    text: `${app}: ${text}`,
  });
  const status = `reveille-slots status --repo ${repo}`;
  if (health === 'stopped') return line('unknown', 'its controller does not run', 'reveille-slots start');
  if (health === 'no answer') return line('warn', 'its controller does not answer', status);
  if (health === 'NOT HEALTHY') return line('warn', 'what is live is not healthy', status);
  const text = (limits && limitsText(limits)) ?? 'no limits are set';
  const held = limits?.by === 'nothing' ? text : `limits hold ${text}`;
  return limits?.unenforced
    ? line('warn', `${health}; ${held}`, 'Start the controller by a systemd unit with Delegate=yes')
    : line('ok', `${health}; ${held}`);
}
