/** `reveille keys`: API keys, made, listed, rotated and revoked. */
import { randomUUID } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { Scope } from '../domain/scope';
import { apiOf, overApi, type ApiOptions } from './client';
import { confirmed } from './confirm';
import { CliError } from './exit';
import { whole } from './options';
import { counted, print, printable, printJson, table, terminalWidth } from './output';
import { paintFor } from './terminal';

const Key = z.object({
  id: z.string(),
  name: z.string(),
  owner: z.string(),
  scopes: z.array(z.string()),
  status: z.enum(['active', 'expired', 'revoked']),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  rotatedAt: z.string().nullable(),
  previousUntil: z.string().nullable(),
  revokedAt: z.string().nullable(),
});
type Key = z.infer<typeof Key>;
const Ended = z.object({ ended: z.number() });
const NewKey = z.object({ key: Key, secret: z.string().nullable() });

const MAX_LISTED = 10_000;
const MAX_DAYS = 3_650;
const DAY_MS = 86_400_000;
const MAX_GRACE_SECONDS = 604_800;

export const keysCommand = (): Command =>
  new Command('keys')
    .description('API keys: who may use the orchestrator, and for what')
    .addCommand(listCommand())
    .addCommand(createCommand())
    .addCommand(rotateCommand())
    .addCommand(revokeCommand())
    .addCommand(logOutCommand());

const listCommand = (): Command =>
  overApi(
    new Command('list').description('keys, newest first').option('--all', 'with those that are over', false),
  ).action(async (options: ApiOptions & { all: boolean }) => {
    const keys: Key[] = [];
    for await (const key of apiOf(options).items('/keys', Key, {}, MAX_LISTED)) {
      if (options.all || key.status === 'active') keys.push(key);
    }
    if (options.json) return keys.forEach(printJson);
    if (keys.length === 0) return print('No key was made yet. Those of API_KEYS are not listed.');
    for (const line of listLines(keys)) print(line);
  });

function listLines(keys: readonly Key[]): string[] {
  const paint = paintFor(process.stdout, process.env);
  const columns = [
    { title: 'id', value: (key: Key) => key.id },
    { title: 'name', value: (key: Key) => key.name, flexible: true },
    { title: 'owner', value: (key: Key) => key.owner },
    { title: 'scopes', value: (key: Key) => key.scopes.join(' ') },
    { title: 'last used', value: (key: Key) => minute(key.lastUsedAt) ?? 'never' },
    { title: 'until', value: (key: Key) => minute(key.expiresAt) ?? '-' },
    { title: 'status', value: (key: Key) => key.status },
  ];
  return table(keys, columns, terminalWidth(), paint.dim);
}

const minute = (time: string | null): string | undefined => time?.slice(0, 16).replace('T', ' ');

interface CreateOptions extends ApiOptions {
  scope: string[];
  owner?: string;
  days?: number;
}

const createCommand = (): Command =>
  overApi(
    new Command('create')
      .description('make a key; it is shown this once')
      .argument('<name>', 'what it is for')
      .requiredOption('--scope <scope>', `${Scope.options.join(', ')}; may be given more than once`, scopes)
      .option('--owner <person>', 'who answers for it; you, unless given')
      .option('--days <days>', 'how long it is good; without, until it is revoked', whole(1, MAX_DAYS)),
  ).action(async (name: string, options: CreateOptions) => {
    const { scope, owner, days } = options;
    const body = {
      ...{ name, scopes: scope },
      ...(owner !== undefined && { owner }),
      ...(days !== undefined && { expiresAt: new Date(Date.now() + days * DAY_MS).toISOString() }),
    };
    const headers = { 'idempotency-key': randomUUID() };
    show(await apiOf(options).post('/keys', NewKey, { body, headers }), options);
  });

function scopes(value: string, before: string[] = []): string[] {
  if (Scope.safeParse(value).success) return [...new Set([...before, value])];
  throw new InvalidArgumentError(`a scope is ${Scope.options.join(', ')}`);
}

const rotateCommand = (): Command =>
  overApi(
    new Command('rotate')
      .description('give a key a new secret; the old one opens for a while longer')
      .argument('<id>', 'as "reveille keys list" shows it')
      .option('--grace <seconds>', 'how long; 0 after a leak (default: 3600)', whole(0, MAX_GRACE_SECONDS)),
  ).action(async (id: string, options: ApiOptions & { grace?: number }) => {
    const body = options.grace === undefined ? {} : { graceSeconds: options.grace };
    show(await apiOf(options).post(`${pathOf(id)}/rotate`, NewKey, { body }), options);
  });

const revokeCommand = (): Command =>
  overApi(
    new Command('revoke')
      .description('end a key for good, and the logins made with it')
      .argument('<id>', 'as "reveille keys list" shows it')
      .option('--reason <text>', 'kept in the ledger')
      .option('-y, --yes', 'do not ask', false),
  ).action(async (id: string, options: ApiOptions & { reason?: string; yes: boolean }) => {
    await confirmed(`End key ${printable(id)} for good?`, options.yes);
    const body = options.reason === undefined ? {} : { reason: options.reason };
    const key = await apiOf(options).post(`${pathOf(id)}/revoke`, Key, { body });
    if (options.json) printJson(key);
    else print(`${key.id} (${printable(key.name)}) is revoked.`);
  });

const logOutCommand = (): Command =>
  overApi(
    new Command('log-out')
      .description('end the logins of one person; their keys stay')
      .argument('<person>', 'the owner, or as the ledger names them: user:<subject>, key:<id>')
      .option('--reason <text>', 'kept in the ledger')
      .option('-y, --yes', 'do not ask', false),
  ).action(async (who: string, options: ApiOptions & { reason?: string; yes: boolean }) => {
    await confirmed(`End every login of ${printable(who)}?`, options.yes);
    const body = { who, ...(options.reason !== undefined && { reason: options.reason }) };
    const done = await apiOf(options).post('/sessions/end', Ended, { body });
    if (options.json) return printJson(done);
    const person = printable(who);
    print(
      done.ended === 0
        ? `${person} is not logged in.`
        : `${counted(done.ended, 'login')} of ${person} ended.`,
    );
  });

const pathOf = (id: string): string => `/keys/${encodeURIComponent(id)}`;

/** The key alone on standard output, so that it can go straight into a store of secrets; the rest beside it. */
function show({ key, secret }: z.infer<typeof NewKey>, { json }: ApiOptions): void {
  if (json) return printJson({ key, secret });
  if (secret === null) throw new CliError('The key was made, but its secret was shown before. Rotate it.');
  print(secret);
  const until = key.expiresAt === null ? [] : [`until ${key.expiresAt.slice(0, 10)}`];
  const about = [`id ${key.id}`, key.scopes.join(' '), `of ${key.owner}`, ...until].join(', ');
  const old = minute(key.previousUntil);
  const lines = [
    '',
    `  ${printable(about)}`,
    ...(old === undefined ? [] : [`  The secret before opens until ${old} UTC.`]),
    '  It is shown this once: keep it where you keep passwords.',
  ];
  process.stderr.write(`${lines.join('\n')}\n`);
}
