/** What the agent's process sees: nothing of the controller's but what the contract names. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from '../context';
import { AGENT_SESSION } from './peers';

const INHERITED = ['PATH', 'LANG', 'TZ', 'TMPDIR'];

export function agentEnvironment({ contract, disk }: Context, conversation: string): Record<string, string> {
  const home = join(disk.folder, 'agent', 'home');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const given = [...INHERITED, ...contract.agent_env].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    HOME: home,
    ...Object.fromEntries(given),
    [AGENT_SESSION]: conversation,
    GIT_TERMINAL_PROMPT: '0',
    // The repository may be another user's.
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '*',
    GIT_AUTHOR_NAME: 'Agent',
    GIT_AUTHOR_EMAIL: 'agent@localhost',
    GIT_COMMITTER_NAME: 'Agent',
    GIT_COMMITTER_EMAIL: 'agent@localhost',
  };
}
