/** Writes a first contract for the app in a folder, by what its lock file says of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SlotsError } from './errors';
import { CONFIG_NAMES, DEFAULT_API_PORT } from './config';

const IGNORED = '.slot-machine';

interface Kind {
  locks: readonly string[];
  setup: string;
  start: (folder: string) => string;
}

const KINDS: readonly Kind[] = [
  {
    locks: ['bun.lock', 'bun.lockb'],
    setup: 'bun install --frozen-lockfile',
    start: script('bun run start'),
  },
  { locks: ['pnpm-lock.yaml'], setup: 'pnpm install --frozen-lockfile', start: script('pnpm start') },
  { locks: ['package-lock.json', 'npm-shrinkwrap.json'], setup: 'npm ci', start: script('npm start') },
  { locks: ['uv.lock'], setup: 'uv sync --frozen', start: () => 'uv run python app.py' },
  {
    locks: ['Gemfile.lock'],
    setup: 'bundle install',
    start: (folder) =>
      existsSync(join(folder, 'bin/rails')) ? 'bin/rails server -p $PORT' : 'bundle exec ruby app.rb',
  },
];

/** @returns what was done, line by line. @throws SlotsError where no known lock file is, or a contract is already */
export function init(folder: string): string[] {
  const file = join(folder, CONFIG_NAMES[0]);
  if (existsSync(file)) return [`${CONFIG_NAMES[0]} is there already and stays as it is.`, ...ignore(folder)];
  const kind = KINDS.find(({ locks }) => locks.some((lock) => existsSync(join(folder, lock))));
  if (kind === undefined) {
    const locks = KINDS.flatMap((k) => k.locks).join(', ');
    throw new SlotsError(
      `${folder} has none of ${locks}. Write ${CONFIG_NAMES[0]} by hand; docs/slots.md shows one.`,
    );
  }
  const contract = {
    start_command: kind.start(folder),
    setup_command: kind.setup,
    port: 3_000,
    internal_port: 3_900,
    api_port: DEFAULT_API_PORT,
    health_endpoint: '/healthz',
    health_timeout_ms: 10_000,
    drain_timeout_ms: 10_000,
    ...(existsSync(join(folder, '.env')) && { env_file: '.env' }),
  };
  writeFileSync(file, `${JSON.stringify(contract, null, 2)}\n`);
  return [
    `Wrote ${CONFIG_NAMES[0]} for ${basename(folder)}: "${contract.start_command}" after "${contract.setup_command}".`,
    ...ignore(folder),
    'Check its ports and health endpoint; then "reveille-slots start", and "reveille-slots deploy" beside it.',
  ];
}

/** The start script itself, which gets our signals directly, where package.json has one. */
function script(otherwise: string): (folder: string) => string {
  return (folder) => {
    try {
      const text = readFileSync(join(folder, 'package.json'), 'utf8');
      const { scripts } = JSON.parse(text) as { scripts?: { start?: unknown } };
      return typeof scripts?.start === 'string' ? scripts.start : otherwise;
    } catch {
      return otherwise; // No package.json, or none that can be read: its tool will say so.
    }
  };
}

/** Keeps the controller's data out of Git. Answers what was done. */
function ignore(folder: string): string[] {
  const file = join(folder, '.gitignore');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (text.split(/\r?\n/).some((line) => line.trim().replace(/\/$/, '') === IGNORED)) return [];
  writeFileSync(file, `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${IGNORED}\n`);
  return [`Added ${IGNORED} to .gitignore.`];
}
