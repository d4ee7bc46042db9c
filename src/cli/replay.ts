/** `reveille replay`: starts many runs again, after showing which, and follows that to its end. */
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { apiOf, overApi, type ApiClient, type ApiOptions } from './client';
import { CliError, EXIT, UsageError } from './exit';
import { seconds, whole } from './options';
import { counted, print, printJson, table, terminalWidth } from './output';
import { Progress } from './progress';
import { paintFor } from './terminal';

const POLL_MS = 1_000;
const DEFAULT_TIMEOUT_SECONDS = 600;
const MAX_RUNS = 1_000;

const Replay = z.object({
  id: z.string().nullable(),
  status: z.enum(['preview', 'running', 'done']),
  createdAt: z.string(),
  count: z.number(),
  more: z.boolean(),
  waiting: z.number(),
  started: z.number(),
  skipped: z.number(),
  runs: z.array(
    z.object({
      runId: z.string(),
      outcome: z.enum(['waiting', 'started', 'skipped']),
      startedRunId: z.string().nullable(),
      fromStep: z.string().nullable(),
      reason: z.string().nullable(),
      error: z.string().nullable(),
    }),
  ),
});
type Replay = z.infer<typeof Replay>;

interface ReplayOptions extends ApiOptions {
  workflow?: string;
  status: string;
  after?: string;
  before?: string;
  error?: string;
  fromStep: string;
  limit: number;
  preview: boolean;
  yes: boolean;
  timeout: number;
}

export const replayCommand = (): Command =>
  overApi(
    new Command('replay')
      .description('start runs that are over again, after showing which')
      .option('--workflow <id>', 'runs of this workflow only')
      .addOption(
        new Option('--status <status>', 'runs that ended so')
          .choices(['failed', 'cancelled', 'succeeded'])
          .default('failed'),
      )
      .option('--after <time>', 'created at this time or later, e.g. 2026-03-02T09:00Z', time)
      .option('--before <time>', 'created before this time', time)
      .option('--error <kind>', 'runs that failed for this reason, e.g. timeout')
      .option(
        '--from-step <step>',
        '"failed": where each failed; "start": everything anew; or a step',
        'failed',
      )
      .option('-n, --limit <runs>', 'the newest so many', whole(1, MAX_RUNS), 100)
      .option('--preview', 'only show what would be done', false)
      .option('-y, --yes', 'do not ask', false)
      .option('--timeout <seconds>', 'how long to follow it', seconds, DEFAULT_TIMEOUT_SECONDS),
  ).action(async (options: ReplayOptions) => {
    const api = apiOf(options);
    const request = requestOf(options);
    const preview = await post(api, { ...request, preview: true });
    if (options.json && options.preview) printJson(preview);
    else if (!options.json) show(preview);
    if (options.preview || preview.waiting === 0) {
      if (options.json && !options.preview) printJson(preview);
      return;
    }
    if (!options.yes && !(await isWanted(preview.waiting))) return print('Nothing was started.');
    // What was not there when it was shown is not meant.
    const filter = { createdBefore: preview.createdAt, ...request.filter };
    const begun = await post(api, { ...request, filter });
    const last = await followed(api, begun, options);
    if (options.json) printJson(last);
    else print(`${counted(last.started, 'run')} started again, ${last.skipped} skipped.`);
    process.exitCode = EXIT.ok;
  });

function requestOf({ workflow, status, after, before, error, fromStep, limit }: ReplayOptions) {
  const filter = {
    status,
    ...(workflow !== undefined && { workflowId: workflow }),
    ...(after !== undefined && { createdAfter: after }),
    ...(before !== undefined && { createdBefore: before }),
    ...(error !== undefined && { errorKind: error }),
  };
  return { filter, fromStep, limit };
}

const post = (api: ApiClient, body: object): Promise<Replay> =>
  api.post('/replays', Replay, { body, headers: { 'idempotency-key': randomUUID() } });

function show({ runs: listed, count, more, skipped }: Replay): void {
  const paint = paintFor(process.stdout, process.env);
  if (count === 0) return print('No run fits.');
  const columns = [
    { title: 'run', value: (r: Replay['runs'][number]) => r.runId },
    { title: 'again from', value: (r: Replay['runs'][number]) => r.fromStep ?? 'skipped' },
    { title: 'why', value: (r: Replay['runs'][number]) => r.reason ?? r.error ?? '', flexible: true },
  ];
  for (const line of table(listed, columns, terminalWidth(), paint.dim)) print(line);
  if (count > listed.length) print(paint.dim(`and ${count - listed.length} more`));
  print();
  print(`${counted(count - skipped, 'run')} would be started again, ${skipped} skipped.`);
  if (more) print(paint.warn('More fit than the limit allows: these are the newest.'));
}

async function isWanted(count: number): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new UsageError('Nobody is there to be asked. Add --yes to start them, or --preview to only look.');
  }
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const answer = await asking.question(`Start ${counted(count, 'run')} again? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
}

/** @throws CliError when it takes too long; it goes on without us */
async function followed(
  api: ApiClient,
  begun: Replay,
  { timeout: timeoutSeconds, json }: ReplayOptions,
): Promise<Replay> {
  const deadline = Date.now() + timeoutSeconds * 1_000;
  const progress = json ? undefined : new Progress();
  let now = begun;
  try {
    while (now.status !== 'done') {
      const { started, skipped, count } = now;
      progress?.show(
        `${started} of ${counted(count, 'run')} started again`,
        (started + skipped) / Math.max(1, count),
      );
      if (Date.now() > deadline) {
        const lines = [`GET /replays/${begun.id ?? ''} tells how far it has come.`];
        const exitCode = EXIT.timedOut;
        throw new CliError(`The replay is not done after ${timeoutSeconds} s; it goes on.`, {
          lines,
          exitCode,
        });
      }
      await delay(POLL_MS);
      now = await api.get(`/replays/${begun.id ?? ''}`, Replay);
    }
  } finally {
    progress?.end();
  }
  return now;
}

/** A time with its zone, as the API takes it. */
function time(value: string): string {
  const at = /(Z|[+-]\d\d:?\d\d)$/i.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(at)) throw new InvalidArgumentError('a time with its zone, e.g. 2026-03-02T09:00:00Z');
  return new Date(at).toISOString();
}
