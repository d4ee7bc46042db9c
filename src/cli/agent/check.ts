/** `reveille agent check`: the contract test for an agent in any language. */
import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import {
  AgentUnreachable,
  checkAgent,
  CHECKS,
  INPUT_FILE,
  readInputs,
  type CheckInputs,
  type CheckOptions,
  type CheckResult,
  type Report,
  type Score,
} from '../../agent-check';
import { EXIT, UsageError } from '../exit';
import { httpUrl, seconds, serviceUrl } from '../options';
import { print, printJson } from '../output';
import { paintFor, type Paint } from '../terminal';

const SECRET_VARIABLE = 'AGENT_SECRET';
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

interface Options {
  input?: string;
  secretEnv?: string;
  listen?: { host: string; port: number };
  publicUrl?: string;
  only?: string[];
  timeout?: number;
  strict: boolean;
  json: boolean;
}

export function checkCommand(): Command {
  return new Command('check')
    .description('check whether an agent, in any language, speaks the contract')
    .argument('<url>', "the agent's address, e.g. http://localhost:3001", agentUrl)
    .option('--input <file>', `its inputs, or the folder with its ${INPUT_FILE} (default: the one here)`)
    .option('--secret-env <name>', `variable that holds its secret (default: ${SECRET_VARIABLE})`)
    .option('--listen <host:port>', 'where its webhooks are received, when it runs elsewhere', hostAndPort)
    .option('--public-url <url>', 'how it reaches that, when the address is another', serviceUrl)
    .option('--only <ids>', 'make these checks, and what they need: health,busy,…', idList)
    .option('--timeout <seconds>', 'how long its quick job may take (default: 30)', seconds)
    .option('--strict', 'a required check that could not be made counts as failed', false)
    .option('--json', 'print one JSON document instead of lines', false)
    .addHelpText('after', `\nChecks: ${CHECKS.map(({ id }) => id).join(', ')}`)
    .action(async (url: string, options: Options) => {
      process.exitCode = await check(url, options);
    });
}

async function check(url: string, options: Options): Promise<number> {
  const paint = paintFor(process.stdout, process.env);
  const { only, timeout } = options;
  const inputs = await inputsFor(options);
  const secret = secretFor(options);
  const receiver = receiverFor(url, options);
  const lines = lineMaker(paint);
  const report = await reported({
    url,
    ...(inputs && { inputs }),
    ...(secret !== undefined && { secret }),
    ...(receiver && { receiver }),
    ...(only && { only }),
    limits: timeout === undefined ? {} : { jobMs: timeout * 1_000 },
    onResult: (result) => {
      if (!options.json) lines(result).forEach((line) => print(line));
    },
  });
  if (options.json) printJson(report);
  else summary(report, options.strict, paint).forEach((line) => print(line));
  return report.compatible && (report.complete || !options.strict) ? EXIT.ok : EXIT.failed;
}

async function reported(options: CheckOptions): Promise<Report> {
  try {
    return await checkAgent(options);
  } catch (error) {
    if (error instanceof AgentUnreachable) throw new UsageError(error.message, { cause: error });
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw error;
    throw new UsageError(`The webhooks cannot be received at the address of --listen (${code}).`, {
      cause: error,
    });
  }
}

async function inputsFor({ input }: Options): Promise<CheckInputs | undefined> {
  if (input === undefined && !existsSync(INPUT_FILE)) return undefined;
  return readInputs(input ?? INPUT_FILE).catch((cause: Error) => {
    throw new UsageError(cause.message, { cause });
  });
}

function secretFor({ secretEnv }: Options): string | undefined {
  const value = process.env[secretEnv ?? SECRET_VARIABLE];
  if (value !== undefined && value !== '') return value;
  if (secretEnv === undefined) return undefined;
  throw new UsageError(`--secret-env: the variable ${secretEnv} is not set.`);
}

/** An agent on this machine reaches us on the loopback; any other has to be told how. */
function receiverFor(url: string, { listen, publicUrl }: Options): CheckOptions['receiver'] {
  const { hostname } = new URL(url);
  if (!listen && !LOOPBACK.test(hostname))
    throw new UsageError(`The agent at ${hostname} has to reach this machine with its webhooks.`, {
      lines: [
        'Say where they are received: --listen 0.0.0.0:4000 --public-url http://this-machine:4000',
        'or, through a tunnel to port 4000: --listen 127.0.0.1:4000 --public-url https://…',
      ],
    });
  if (!listen) return publicUrl === undefined ? undefined : { host: '127.0.0.1', port: 0, publicUrl };
  if (/^(0\.0\.0\.0|::)$/.test(listen.host) && publicUrl === undefined)
    throw new UsageError(
      `--listen ${listen.host} is every address of this machine: give the agent one by --public-url.`,
    );
  return { ...listen, ...(publicUrl !== undefined && { publicUrl }) };
}

const MARKS = { pass: '✓', fail: '✗', skip: '–' } as const;
const ID_WIDTH = Math.max(...CHECKS.map(({ id }) => id.length));

/** Makes the lines of one check after the other; the same reason twice in a row is told once. */
function lineMaker(paint: Paint): (result: CheckResult) => string[] {
  const colours = { pass: paint.good, fail: paint.bad, skip: paint.dim };
  let lastReason = '';
  const noteOf = (outcome: CheckResult['outcome']): string | undefined => {
    if (outcome.kind === 'fail') return undefined;
    if (outcome.kind === 'pass') return outcome.note;
    const isSame = outcome.reason === lastReason;
    lastReason = outcome.reason;
    return isSame ? 'for the same reason' : outcome.reason;
  };
  return ({ id, title, required, outcome }) => {
    const aside = [required ? undefined : 'optional', noteOf(outcome)].filter((text) => text !== undefined);
    const name = outcome.kind === 'fail' ? paint.bold(title) : title;
    const head = `${colours[outcome.kind](MARKS[outcome.kind])} ${id.padEnd(ID_WIDTH)} ${name}`;
    const line = aside.length === 0 ? head : `${head} ${paint.dim(`(${aside.join(': ')})`)}`;
    if (outcome.kind !== 'fail') return [line];
    const { saw, expected, mend } = outcome;
    const more = Object.entries({ saw, expected, mend });
    return [
      line,
      ...more.map(([word, text]) => `${' '.repeat(ID_WIDTH + 3)}${paint.dim(word.padEnd(9))}${text}`),
    ];
  };
}

function summary(
  { score, compatible, complete, durationMs }: Report,
  strict: boolean,
  paint: Paint,
): string[] {
  const { required, optional } = score;
  const verdict = !compatible
    ? paint.bad('not compatible')
    : complete
      ? paint.good('compatible')
      : paint.warn('compatible as far as it was checked');
  const gaps = required.notChecked > 0 && (strict || compatible);
  return [
    '',
    `${verdict}: ${scoreText('required', required)}, ${scoreText('optional', optional)}, in ${(durationMs / 1_000).toFixed(1)} s`,
    ...(gaps
      ? [
          paint.dim(
            `Give what the lines with – ask for to have all of it checked${strict ? ' (--strict)' : ''}.`,
          ),
        ]
      : []),
  ];
}

function scoreText(kind: string, { passed, total, failed, notChecked, leftOut }: Score): string {
  const rest = [
    failed > 0 ? `${failed} failed` : '',
    notChecked > 0 ? `${notChecked} not checked` : '',
    leftOut > 0 ? `${leftOut} left out` : '',
  ].filter((text) => text !== '');
  return `${kind} ${passed}/${total}${rest.length > 0 ? ` (${rest.join(', ')})` : ''}`;
}

function agentUrl(value: string): string {
  const url = new URL(httpUrl(value));
  if (url.username !== '' || url.password !== '')
    throw new InvalidArgumentError('give the address without a user name and password');
  return serviceUrl(value);
}

function hostAndPort(value: string): { host: string; port: number } {
  const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(value) ?? [];
  if (host === '' || Number(port) > 65_535)
    throw new InvalidArgumentError('give host:port, e.g. 0.0.0.0:4000');
  return { host: host.replace(/^\[|\]$/g, ''), port: Number(port) };
}

function idList(value: string): string[] {
  const ids = value.split(',').map((id) => id.trim());
  const unknown = ids.filter((id) => !CHECKS.some((check) => check.id === id));
  if (unknown.length > 0)
    throw new InvalidArgumentError(`there is no check ${unknown.join(', ')}; --help lists them`);
  return ids;
}
