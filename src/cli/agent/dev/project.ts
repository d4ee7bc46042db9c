/** An agent's folder: how it is built, how it is run, and which of its files matter. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative, resolve, sep } from 'node:path';
import { parse } from 'dotenv';
import { webCommand } from '../../../platforms/local/procfile';
import { UsageError } from '../../exit';

/** Neither sources nor settings: what is installed, built or written while it runs. */
const IGNORED = new Set([
  'node_modules',
  'dist',
  'build',
  'coverage',
  'test',
  'tests',
  '__pycache__',
  'venv',
]);
/** What agents, editors and tools write, and what only people read. Prompts are often .md, so those count. */
const IGNORED_FILES =
  /\.(log|tsbuildinfo|pyc|pid|tmp|swp|db|sqlite3?|db-\w+|sqlite3?-\w+)$|~$|^(README|AGENTS|CHANGELOG)\.md$|^\d+$/i;

export interface Project {
  /** Absolute. */
  folder: string;
  /** The Procfile's `web:` line, for a shell. */
  command: string;
  /** What makes it runnable; undefined where it runs as it is, as Python does. */
  build?: string;
}

/** @throws UsageError that says what to write, when it is no agent's folder */
export async function readProject(path: string): Promise<Project> {
  const folder = resolve(path);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new UsageError(`There is no folder ${path}.`, {
      lines: ['Give the folder of an agent, e.g. agents/site-crawler.'],
    });
  }
  const command = await webCommand(folder).catch((cause: Error) => {
    throw new UsageError(cause.message, { cause });
  });
  const build = buildOf(folder);
  return { folder, command, ...(build !== undefined && { build }) };
}

function buildOf(folder: string): string | undefined {
  const file = join(folder, 'package.json');
  if (!existsSync(file)) return undefined;
  let manifest: { scripts?: Record<string, unknown> };
  try {
    manifest = JSON.parse(readFileSync(file, 'utf8')) as typeof manifest;
  } catch (cause) {
    throw new UsageError(`${file} is not JSON: ${(cause as Error).message}`, { cause });
  }
  return typeof manifest.scripts?.build === 'string' ? 'npm run --silent build' : undefined;
}

/** Whether a change of this path is none of the agent's. Hidden files are not, except its settings. */
export function isIgnored(folder: string, path: string): boolean {
  const parts = relative(folder, path).split(sep);
  if (parts.some((part) => IGNORED.has(part))) return true;
  const name = basename(path);
  if (IGNORED_FILES.test(name)) return true;
  return parts.some((part) => part.startsWith('.') && part !== '.env' && part !== '');
}

/** The variables of its `.env`; blank ones are unset, as the orchestrator reads them. */
export function dotenvOf(folder: string): Record<string, string> {
  const file = join(folder, '.env');
  if (!existsSync(file)) return {};
  return Object.fromEntries(Object.entries(parse(readFileSync(file))).filter(([, value]) => value !== ''));
}

/** For this command alone: an agent neither needs the key of the orchestrator nor may have it. */
const OWN_VARIABLE = /^REVEILLE_/;

/**
 * What the agent is started with: `given` first, then what is set in the shell, then its `.env`,
 * and only then `fallback`.
 */
export function environment(
  folder: string,
  shell: NodeJS.ProcessEnv,
  given: Record<string, string>,
  fallback: Record<string, string>,
): Record<string, string> {
  const set = Object.entries(shell).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OWN_VARIABLE.test(entry[0]),
  );
  return { ...fallback, ...dotenvOf(folder), ...Object.fromEntries(set), ...given };
}
