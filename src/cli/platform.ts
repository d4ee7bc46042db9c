/** `reveille platform check`: the conformance kit against a real platform, with one capsule of the user's. */
import { Command, Option } from 'commander';
import { platformOf, strangerOf } from '../compose-platform';
import { loadConfig, VARIABLES, type Config } from '../config';
import { CASES, checkPlatform, type CheckReport, type CheckResult } from '../platforms/check';
import { EXIT, UsageError } from './exit';
import { seconds, serviceUrl } from './options';
import { print, printable, printJson } from './output';
import { interrupted } from './signals';
import { paintFor, type Paint } from './terminal';

const PLATFORMS = ['code-capsules', 'docker', 'kubernetes', 'fly'];

interface Options {
  platform?: string;
  capsule: string;
  agentUrl?: string;
  timeout?: number;
  json: boolean;
}

/** `reveille platform …`: for people who run agents somewhere, or write a driver for it. */
export function platformCommand(): Command {
  const check = new Command('check')
    .description('check whether a platform, through its driver, does what the orchestrator relies on')
    .requiredOption('--capsule <id>', 'a capsule to try it with; it is scaled up and down, and left at zero')
    .addOption(
      new Option('--platform <name>', 'which platform (default: that of PLATFORM)').choices(PLATFORMS),
    )
    .option('--agent-url <url>', 'where the agent in the capsule answers, to compare with', serviceUrl)
    .option('--timeout <seconds>', 'how long a change may take to show (default: 120)', seconds)
    .option('--json', 'print one JSON document instead of lines', false)
    .addHelpText('after', `\nCases: ${CASES.map(({ id }) => id).join(', ')}, close`)
    .action(async (options: Options) => {
      process.exitCode = await run(options);
    });
  return new Command('platform').description('check a platform that hosts capsules').addCommand(check);
}

async function run({ platform, capsule, agentUrl, timeout, json }: Options): Promise<number> {
  const config = configFor(platform);
  // Made once here for its mistakes; nothing is sent by making it.
  const name = await nameOf(config);
  const paint = paintFor(process.stdout, process.env);
  process.stderr.write(
    `Capsule ${printable(capsule)} on ${name} is scaled up and down several times, which costs the seconds it is awake.\n`,
  );
  const makeStranger = strangerOf(config);
  const report = await checkPlatform({
    make: () => platformOf(config),
    ...(makeStranger && { makeStranger }),
    capsuleId: capsule,
    ...(agentUrl !== undefined && { agentUrl }),
    ...(timeout !== undefined && { changeMs: timeout * 1_000 }),
    signal: interrupted(),
    onResult: (result) => {
      if (!json) lines(result, paint).forEach((line) => print(line));
    },
  });
  if (json) printJson(report);
  else summary(report, paint).forEach((line) => print(line));
  return report.conforms ? EXIT.ok : EXIT.failed;
}

/** Only the platform's variables: the rest of a configuration does not matter here. */
function configFor(platform: string | undefined): Config {
  const groups = ['choice', 'platform', 'docker', 'kubernetes', 'fly'];
  const env = Object.fromEntries(
    Object.entries(VARIABLES)
      .filter(([, { group }]) => groups.includes(group))
      .map(([name]) => [name, process.env[name]]),
  );
  const loaded = loadConfig({ ...env, ...(platform !== undefined && { PLATFORM: platform }) });
  if (loaded.ok) return loaded.config;
  throw new UsageError('The platform is not configured:', {
    lines: loaded.problems.map(({ place, problem, mend }) => `${place}: ${problem}. ${mend}.`),
  });
}

async function nameOf(config: Config): Promise<string> {
  try {
    const made = platformOf(config);
    await made.close();
    if (made.name !== 'unconfigured') return made.name;
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
  throw new UsageError('No platform is configured.', {
    lines: ['Set PLATFORM, or --platform, and its variables; .env.example lists them.'],
  });
}

const MARKS = { pass: '✓', fail: '✗', skip: '–' } as const;
const ID_WIDTH = Math.max(...CASES.map(({ id }) => id.length));

function lines({ id, title, outcome, durationMs }: CheckResult, paint: Paint): string[] {
  const colours = { pass: paint.good, fail: paint.bad, skip: paint.dim };
  const aside = outcome.kind === 'skip' ? outcome.reason : `${(durationMs / 1_000).toFixed(1)} s`;
  const name = outcome.kind === 'fail' ? paint.bold(title) : title;
  const head = `${colours[outcome.kind](MARKS[outcome.kind])} ${id.padEnd(ID_WIDTH)} ${name} ${paint.dim(`(${aside})`)}`;
  if (outcome.kind !== 'fail') return [head];
  const { saw, expected } = outcome;
  const more = Object.entries({ saw, expected });
  const indent = ' '.repeat(ID_WIDTH + 3);
  return [head, ...more.map(([word, text]) => `${indent}${paint.dim(word.padEnd(9))}${printable(text)}`)];
}

const TIMES = {
  scaleCall: 'a scale call',
  observeCall: 'an observe call',
  toOne: 'until one replica was seen',
  toAnswer: 'until the agent answered',
  toZero: 'until zero was seen',
} as const;

function summary({ conforms, score, times, leftAtZero, durationMs }: CheckReport, paint: Paint): string[] {
  const verdict = conforms ? paint.good('conforms') : paint.bad('does not conform');
  const rest = [
    score.failed > 0 ? `, ${score.failed} failed` : '',
    score.skipped > 0 ? `, ${score.skipped} left out` : '',
  ].join('');
  const span = (ms: number) => (ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(1)} s`);
  const entries = Object.entries(times) as [keyof typeof TIMES, { median: number; max: number }][];
  return [
    '',
    `${verdict}: ${score.passed}/${score.total} passed${rest}, in ${(durationMs / 1_000).toFixed(1)} s`,
    ...entries.map(([what, { median, max }]) =>
      paint.dim(`  ${TIMES[what].padEnd(27)}${span(median)}${max > median ? `, at most ${span(max)}` : ''}`),
    ),
    ...(leftAtZero
      ? []
      : [paint.bad('The capsule was not seen at zero at the end: look at it, it may cost money.')]),
  ];
}
