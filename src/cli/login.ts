/** `reveille login`, `logout` and `whoami`: a key kept for this user, tried before it is kept. */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { apiOf, ApiClient, DEFAULT_URL, KEY, overApi, type ApiOptions } from './client';
import { CliError, UsageError } from './exit';
import { serviceUrl } from './options';
import { print, printable, printJson } from './output';
import { DEFAULT_PROFILE, profileName, profilesFile, readProfiles, writeProfiles } from './profiles';

const Who = z.object({
  id: z.string(),
  owner: z.string(),
  scopes: z.array(z.string()),
  expiresAt: z.string().nullable(),
});
type Who = z.infer<typeof Who>;

/** More than any key, so that a wrong file on standard input is not read whole. */
const MAX_INPUT_BYTES = 4_096;

interface LoginOptions {
  url: string;
  profile: string;
}

const profileOption = (): Option =>
  new Option('--profile <name>', 'under which name it is kept')
    .env('REVEILLE_PROFILE')
    .default(DEFAULT_PROFILE)
    .argParser(profileName);

export const loginCommand = (): Command =>
  new Command('login')
    .description('try a key and keep it; it is asked for, or read from standard input')
    .addOption(
      new Option('--url <url>', "the orchestrator's address")
        .env('REVEILLE_URL')
        .default(DEFAULT_URL)
        .argParser(serviceUrl),
    )
    .addOption(profileOption())
    .action(async ({ url, profile }: LoginOptions) => {
      const key = process.stdin.isTTY ? await asked() : await readAll();
      if (!KEY.test(key))
        throw new UsageError('That is no key: it is empty, or holds blanks or other signs.');
      const who = await whoIs(new ApiClient(url, key));
      if (who.id === 'local') {
        throw new CliError(`${url} has no such key; it lets you in because this is its own machine.`, {
          lines: ['No login is needed there.'],
        });
      }
      writeProfiles({ ...readProfiles(), [profile]: { url, key } });
      print(`${profile}: ${textOf(who)}`);
      print(`Kept in ${profilesFile()}, for you alone.`);
    });

export const logoutCommand = (): Command =>
  new Command('logout')
    .description('forget the key of a profile; the key itself stays good until it is revoked')
    .addOption(profileOption())
    .action(({ profile }: Pick<LoginOptions, 'profile'>) => {
      const { [profile]: gone, ...rest } = readProfiles();
      if (!gone) throw new UsageError(`There is no profile "${profile}".`);
      writeProfiles(rest);
      print(`${profile} is forgotten.`);
    });

export const whoamiCommand = (): Command =>
  overApi(new Command('whoami').description('who you are at an orchestrator, and what you may do')).action(
    async (options: ApiOptions) => {
      const who = await whoIs(apiOf(options));
      if (options.json) printJson(who);
      else print(`${options.url}: ${textOf(who)}`);
    },
  );

const whoIs = (api: ApiClient): Promise<Who> => api.get('/whoami', Who);

function textOf({ id, owner, scopes, expiresAt }: Who): string {
  const until = expiresAt === null ? [] : [`until ${expiresAt.slice(0, 10)}`];
  const of = owner === id ? [] : [`of ${owner}`];
  return printable([id, scopes.join(' '), ...of, ...until].join(', '));
}

/** Asks in the terminal; what is typed is not shown. */
async function asked(): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  process.stderr.write('Key: ');
  const given = new AbortController();
  try {
    // Ctrl-C and Ctrl-D close it without a line.
    const line = once(lines, 'line', { signal: given.signal }).catch(() => ['']);
    const closed = once(lines, 'close', { signal: given.signal }).catch(() => undefined);
    const first = await Promise.race([line, closed.then(() => [''])]);
    return String(first[0]).trim();
  } finally {
    given.abort();
    lines.close();
    process.stderr.write('\n');
  }
}

async function readAll(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > MAX_INPUT_BYTES) throw new UsageError('Standard input is longer than any key.');
  }
  return text.trim();
}
