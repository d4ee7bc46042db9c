/** `reveille schedule preview '<cron>'`: what a schedule will do, worked out here without an orchestrator. */
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  CatchUp,
  closest,
  compileSchedule,
  durationSeconds,
  localText,
  MAX_SLACK_SECONDS,
  mergedPolicy,
  OverlapPolicy,
  overlapText,
  parsePolicy,
  Schedule,
  usd,
  validateSchedule,
  type CompiledSchedule,
  type SchedulePolicy,
} from '../domain/schedule';
import { UsageError } from './exit';
import { seconds, whole } from './options';
import { print, printJson, printable } from './output';
import { paintFor, type Paint } from './terminal';

const DEFAULT_BOOT_SECONDS = 10;
/** As the registry has it where an agent says nothing. */
const DEFAULT_LINGER_SECONDS = 30;
const MAX_PRICE_USD = 10_000;
const MAX_SECONDS = 86_400;
/** Clock changes shown. */
const MAX_SHOWN = 12;

interface PreviewOptions {
  tz: string;
  policy?: string;
  overlap?: OverlapPolicy;
  catchUp?: CatchUp['mode'];
  slack?: number;
  duration?: number;
  boot: number;
  linger: number;
  price?: number;
  json: boolean;
}

export const scheduleCommand = (): Command =>
  new Command('schedule').description('look at schedules before they fire').addCommand(previewCommand());

const previewCommand = (): Command =>
  new Command('preview')
    .description('a schedule in words, its next times, clock changes of the year, overlaps and cost')
    .argument('<cron>', "five fields, e.g. '0 9 * * 1', or a nickname such as @daily")
    .option('--tz <zone>', 'IANA time zone', 'UTC')
    .option(
      '--policy <policy>',
      'all of it in one, e.g. overlap=queue,catchUp=latest,slack=5m, or a workflow of the registry whose policy it is; ' +
        'the options below go before it',
    )
    .addOption(
      new Option(
        '--overlap <policy>',
        'what a tick does while an earlier run is under way (skip if left out)',
      ).choices(OverlapPolicy.options),
    )
    .addOption(
      new Option('--catch-up <mode>', 'what happens to ticks that were missed (latest if left out)').choices(
        CatchUp.shape.mode.unwrap().options,
      ),
    )
    .option(
      '--slack <time>',
      'how late a run may start to share a wake: seconds, or 5m (0 if left out)',
      slack,
    )
    .option('--duration <seconds>', 'how long a run takes; needed for overlaps and cost', seconds)
    .option('--boot <seconds>', 'how long its capsule boots', whole(0, MAX_SECONDS), DEFAULT_BOOT_SECONDS)
    .option(
      '--linger <seconds>',
      'how long it stays awake after',
      whole(0, MAX_SECONDS),
      DEFAULT_LINGER_SECONDS,
    )
    .option('--price <per-hour>', 'US dollars an hour of one replica costs', price)
    .option('--json', 'print JSON instead of a text for people', false)
    .action((cron: string, options: PreviewOptions) => preview(cron, options));

function slack(value: string): number {
  const number = durationSeconds(value);
  if (number === undefined || number > MAX_SLACK_SECONDS)
    throw new InvalidArgumentError(`a time such as 90, 90s or 5m, at most ${MAX_SLACK_SECONDS}s`);
  return number;
}

function price(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !(number >= 0 && number <= MAX_PRICE_USD))
    throw new InvalidArgumentError(`US dollars from 0 to ${MAX_PRICE_USD}, e.g. 0.05`);
  return number;
}

/** What is asked for, over the policy that is named. @throws UsageError when there is no such policy */
async function policyOf({
  policy,
  overlap,
  catchUp,
  slack: slackSeconds,
}: PreviewOptions): Promise<SchedulePolicy> {
  const named =
    policy === undefined ? {} : policy.includes('=') ? writtenPolicy(policy) : await workflowPolicy(policy);
  return mergedPolicy(named, {
    ...(overlap && { overlap }),
    ...(catchUp && { catchUp: { mode: catchUp } }),
    ...(slackSeconds !== undefined && { slackSeconds }),
  });
}

function writtenPolicy(text: string): SchedulePolicy {
  const parsed = parsePolicy(text);
  if (parsed.ok) return parsed.policy;
  throw new UsageError('This policy cannot be used.', {
    lines: [printable(`--policy: ${parsed.problem}. ${parsed.mend}`)],
  });
}

async function workflowPolicy(id: string): Promise<SchedulePolicy> {
  // Only here: no other preview has to wait until the registry is read.
  const { registry } = await import('../registry/index.js');
  const scheduled = registry(process.env).workflows.filter(({ schedule }) => schedule !== undefined);
  const found = scheduled.find((workflow) => workflow.id === id)?.schedule;
  if (!found) {
    const ids = scheduled.map((workflow) => workflow.id);
    const near = closest(id, ids);
    throw new UsageError(printable(`--policy: the registry has no workflow "${id}" with a schedule.`), {
      lines: [
        near === undefined ? `There are: ${ids.join(', ') || 'none'}.` : `Did you mean "${near}"?`,
        'Or write the policy out: overlap=queue,catchUp=latest,slack=5m',
      ].map(printable),
    });
  }
  const { overlap, catchUp, slackSeconds, dst } = found;
  return { overlap, catchUp, slackSeconds, dst };
}

async function preview(cron: string, options: PreviewOptions): Promise<void> {
  const { tz, duration, boot, linger } = options;
  const input = { cron, timezone: tz, ...(await policyOf(options)) };
  const problems = validateSchedule(input);
  if (problems.length > 0) {
    throw new UsageError('This schedule cannot be used.', {
      lines: problems.map(({ place, problem, mend }) => printable(`${place}: ${problem}. ${mend}`)),
    });
  }
  const schedule = Schedule.parse(input);
  const now = Date.now();
  const agent = {
    agentId: 'capsule',
    bootSeconds: boot,
    workSeconds: duration ?? 0,
    lingerSeconds: linger,
    ...(options.price !== undefined && { pricePerHourUsd: options.price }),
  };
  const known =
    duration === undefined
      ? {}
      : { durations: { p50Ms: duration * 1_000, p95Ms: duration * 1_000 }, agents: [agent] };
  const compiled = compileSchedule(schedule, known, now);
  if (options.json) printJson(jsonOf(schedule, compiled));
  else for (const line of textOf(schedule, compiled, paintFor(process.stdout, process.env))) print(line);
}

const utc = (at: number): string => new Date(at).toISOString();

function jsonOf(
  schedule: Schedule,
  { next, clockChanges, overlaps, cost, ...rest }: CompiledSchedule,
): object {
  return {
    schedule,
    ...rest,
    next: next.map((at) => ({ at: utc(at), local: localText(schedule.timezone, at) })),
    clockChanges: clockChanges.map(({ at, fires, ...change }) => ({
      ...change,
      at: utc(at),
      fires: fires.map(utc),
    })),
    overlaps: overlaps
      ? { ...overlaps.p50, firstAt: overlaps.p50.firstAt === undefined ? null : utc(overlaps.p50.firstAt) }
      : null,
    cost: cost ?? null,
  };
}

function textOf(schedule: Schedule, compiled: CompiledSchedule, paint: Paint): string[] {
  return [
    paint.bold(compiled.words),
    '',
    ...nextLines(schedule, compiled.next, paint),
    '',
    ...changeLines(schedule, compiled, paint),
    ...policyLines(schedule, paint),
    ...overlapLines(schedule, compiled, paint),
    ...costLines(compiled, paint),
  ];
}

function nextLines({ timezone }: Schedule, next: readonly number[], paint: Paint): string[] {
  if (next.length === 0) return [paint.warn('It does not fire within ten years.')];
  const viewer = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const zones = [...new Set([timezone, 'UTC', viewer])];
  const width = Math.max(16, ...zones.map((zone) => zone.length));
  const line = (cells: string[]) =>
    cells
      .map((cell) => cell.padEnd(width))
      .join('  ')
      .trimEnd();
  return [
    `Next ${next.length === 1 ? 'time' : `${next.length} times`}`,
    paint.dim(`  ${line(zones)}`),
    ...next.map((at) => `  ${line(zones.map((zone) => localText(zone, at)))}`),
  ];
}

function changeLines({ timezone }: Schedule, { clockChanges }: CompiledSchedule, paint: Paint): string[] {
  if (clockChanges.length === 0) return [`Clock changes  none of the next year touches it (${timezone})`];
  const more = clockChanges.length - MAX_SHOWN;
  return [
    'Clock changes of the next year',
    ...clockChanges.slice(0, MAX_SHOWN).map(({ text }) => paint.warn(`  ${text}`)),
    ...(more > 0 ? [`  and ${more} more; --json lists them`] : []),
  ];
}

const days = (inSeconds: number): string => `${Math.round((inSeconds / 86_400) * 10) / 10} days`;

function policyLines({ catchUp, slackSeconds }: Schedule, paint: Paint): string[] {
  const missed = {
    none: 'are skipped',
    latest: `the latest is made up for, within ${days(catchUp.windowSeconds)}`,
    all: `all are made up for, within ${days(catchUp.windowSeconds)}`,
  }[catchUp.mode];
  const slack = slackSeconds > 0 ? `; a run may start up to ${slackSeconds} s late to share a wake` : '';
  return [paint.dim(`Missed ticks   ${missed}${slack}`)];
}

function overlapLines({ overlap }: Schedule, { overlaps }: CompiledSchedule, paint: Paint): string[] {
  if (!overlaps) return [paint.dim('Overlaps       give --duration to work them out')];
  const text = overlapText(overlap, overlaps.p50);
  return [
    text === undefined
      ? `Overlaps       none expected (${overlap})`
      : paint.warn(`Overlaps       ${text} (${overlap})`),
  ];
}

function costLines({ cost }: CompiledSchedule, paint: Paint): string[] {
  if (!cost) return [paint.dim('Cost           give --duration, and --price for a sum')];
  const { runsPerMonth, costPerMonthUsd, formulas, agents } = cost;
  const runs = `${Math.round(runsPerMonth * 10) / 10} runs a month`;
  return [
    `Forecast       ${runs}${costPerMonthUsd === undefined ? '' : `, ${paint.bold(usd(costPerMonthUsd))}`}`,
    ...formulas.map((formula) => paint.dim(`  ${formula}`)),
    ...agents.filter((a) => a.alwaysOn).map(() => paint.warn('  the capsule never sleeps between two runs')),
  ];
}
