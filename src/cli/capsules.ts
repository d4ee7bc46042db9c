/** `reveille capsules`: which are awake, since when, for whom, and what keeps them so; waking and sleeping by hand. */
import { Command } from 'commander';
import { z } from 'zod';
import { BY_HAND_MS, MAX_BY_HAND_MS } from '../domain/capsule-by-hand';
import { CapsuleView } from '../http/views/capsule';
import { apiOf, overApi, type ApiOptions } from './client';
import { confirmed } from './confirm';
import { whole } from './options';
import { print, printable, printJson, table, terminalWidth, type Column } from './output';
import { paintFor, type Paint } from './terminal';

export type CapsuleSeen = z.infer<typeof CapsuleView>;
export const CapsuleList = z.object({ items: z.array(CapsuleView) });

/** A drift that is shorter is a wake or a sleep under way. */
const DRIFT_MS = 10_000;

interface ListOptions extends ApiOptions {
  boots: boolean;
}

export const capsulesCommand = (): Command =>
  overApi(new Command('capsules').description('list capsules, and what keeps the awake ones awake'))
    .option('--boots', 'how long each release takes to boot', false)
    .action(async (options: ListOptions) => {
      const { items } = await apiOf(options).get('/capsules', CapsuleList);
      if (options.json) return items.forEach((capsule) => printJson(capsule));
      if (items.length === 0) return print('There is no capsule yet: none of the agents was woken.');
      const paint = paintFor(process.stdout, process.env);
      const lines = options.boots
        ? table(items.flatMap(bootsOf), BOOT_COLUMNS, terminalWidth(), paint.dim)
        : table(items, capsuleColumns(paint, Date.now()), terminalWidth(), paint.dim);
      for (const line of lines) print(line);
    })
    .addCommand(wakeCommand())
    .addCommand(sleepCommand());

interface WakeOptions extends ApiOptions {
  for: number;
  reason: string;
}

const wakeCommand = (): Command =>
  overApi(new Command('wake'))
    .description('wake a capsule by hand; it sleeps again by itself')
    .argument('<capsule>', 'its id, or that of its agent')
    .option(
      '--for <seconds>',
      'how long it stays awake',
      whole(10, MAX_BY_HAND_MS / 1_000),
      BY_HAND_MS / 1_000,
    )
    .option('--reason <text>', 'for the ledger', 'from the command line')
    .action(async (wanted: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<WakeOptions>();
      const body = { reason: options.reason, forSeconds: options.for };
      const capsule = await posted(wanted, 'wake', body, options);
      if (options.json) return printJson(capsule);
      const until = capsule.handHeldUntil?.slice(11, 19);
      print(
        `${capsule.id} is ${capsule.status}${until === undefined ? '' : `, and sleeps again at ${until} UTC`}.`,
      );
    });

interface SleepOptions extends ApiOptions {
  force: boolean;
  yes: boolean;
  reason: string;
}

const sleepCommand = (): Command =>
  overApi(new Command('sleep'))
    .description('put a capsule to sleep now')
    .argument('<capsule>', 'its id, or that of its agent')
    .option('--force', 'also from under the work that is done on it, which is then tried again', false)
    .option('--reason <text>', 'for the ledger', 'put to sleep by hand')
    .option('--yes', 'with --force: do not ask', false)
    .action(async (wanted: string, _own: unknown, command: Command) => {
      const options = command.optsWithGlobals<SleepOptions>();
      const { force, yes, reason } = options;
      if (force) await confirmed(`Put ${printable(wanted)} to sleep, whatever is at work on it?`, yes);
      const capsule = await posted(wanted, 'sleep', { reason, force }, options);
      if (options.json) return printJson(capsule);
      print(`${capsule.id} is ${capsule.status}.`);
    });

/** People know agents by name, and capsules by an id of the platform: either will do. */
async function posted(wanted: string, verb: string, body: object, options: ApiOptions): Promise<CapsuleSeen> {
  const api = apiOf(options);
  const { items } = await api.get('/capsules', CapsuleList);
  const found = items.find(({ id }) => id === wanted) ?? items.find(({ agentId }) => agentId === wanted);
  return api.post(`/capsules/${encodeURIComponent(found?.id ?? wanted)}/${verb}`, CapsuleView, { body });
}

/** @param now epoch ms, from which the time in a status is counted */
export const capsuleColumns = (paint: Paint, now: number): Array<Column<CapsuleSeen>> => [
  { title: 'capsule', value: (c) => c.id },
  { title: 'status', value: (c) => c.status, paint: (c) => paint.status(c.status) },
  { title: 'for', value: (c) => (c.since === null ? '' : lasting(now - Date.parse(c.since))) },
  { title: 'shift', value: (c) => (c.generation === 0 ? '' : String(c.generation)) },
  { title: 'boot p95', value: (c) => secondsOf(c.boot.p95Ms) },
  { title: 'at work', value: (c) => String(c.activity.held) },
  { title: 'waiting', value: (c) => String(c.activity.waiting) },
  { title: 'what', value: (c) => what(c, now), flexible: true },
];

function what(capsule: CapsuleSeen, now: number): string {
  const { lastError, failedWakes, reasonsAwake, retryWakeAt, replicas } = capsule;
  const { desired, observed, driftSince } = replicas;
  const drifts = driftSince === null ? 0 : now - Date.parse(driftSince);
  const drift =
    drifts < DRIFT_MS ? [] : [`drift for ${lasting(drifts)}: ${observed ?? '?'} running, ${desired} wanted`];
  if (failedWakes > 0) {
    const again = retryWakeAt === null ? '' : `, again at ${retryWakeAt.slice(11, 19)} UTC`;
    return [...drift, `${failedWakes} failed wakes${again}: ${lastError ?? ''}`].join('; ');
  }
  return [...drift, reasonsAwake.join(', ')].filter((text) => text !== '').join('; ');
}

interface Boots {
  capsule: string;
  release: string;
  medianMs: number | null;
  p95Ms: number | null;
  samples: number;
}

/** By release where the agent tells its own, else all of them together. */
const bootsOf = ({ id: capsule, boot }: CapsuleSeen): Boots[] =>
  boot.byRelease.length > 0
    ? boot.byRelease.map((each) => ({ capsule, ...each }))
    : [{ capsule, release: '', ...boot }];

const BOOT_COLUMNS: Array<Column<Boots>> = [
  { title: 'capsule', value: (b) => b.capsule },
  { title: 'boots', value: (b) => String(b.samples) },
  { title: 'median', value: (b) => secondsOf(b.medianMs) },
  { title: 'p95', value: (b) => secondsOf(b.p95Ms) },
  { title: 'release', value: (b) => b.release, flexible: true },
];

const secondsOf = (ms: number | null): string => (ms === null ? '' : `${(ms / 1_000).toFixed(2)} s`);

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** `3 min`: the largest unit that fits, rounded down. */
export function lasting(ms: number): string {
  const unit = UNITS.find(([length]) => ms >= length);
  return unit ? `${Math.floor(ms / unit[0])} ${unit[1]}` : '0 s';
}
