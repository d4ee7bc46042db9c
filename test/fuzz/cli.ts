/**
 * npm run fuzz -- --requests N [--seed S] [--per-round N] [--workers N]. Prints what was answered, by route; of what is
 * wrong the request and the command that repeats its round. Exit 1 when something is, or when a long campaign left a
 * route untried; 2 on a wrong option.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { ROUTES } from '../../src/http/routes';
import { campaign, type CampaignOptions } from './campaign';
import {
  coverageTable,
  emptyReport,
  LONG,
  merge,
  neverReached,
  perSecond,
  type CampaignReport,
  type Violation,
} from './report';

const DEFAULT_REQUESTS = '100000';
/** Far from the seeds of another worker. */
const SEEDS_APART = 1_000_000;

type Share = Required<Pick<CampaignOptions, 'requests' | 'seed' | 'perRound'>>;

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  process.stderr.write(`--${name} takes a whole number from ${min} on\n`);
  process.exit(2);
}

const megabytes = (): number => Math.round(process.resourceUsage().maxRSS / 1_024);

/** Rounds don't depend on each other: each core does some. */
async function inParallel(shares: readonly Share[], log: (line: string) => void): Promise<CampaignReport> {
  const report = emptyReport();
  await Promise.all(
    shares.map(async (share, worker) => {
      const child = fork(__filename, ['--share', JSON.stringify(share)], { execArgv: process.execArgv });
      child.on('message', (message: { line: string } | { report: CampaignReport }) => {
        if ('line' in message) log(`worker ${worker + 1}: ${message.line}`);
        else merge(report, message.report);
      });
      const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
      if (code !== 0)
        report.violations.push({
          seed: share.seed,
          what: `worker ${worker + 1} ended with ${code ?? signal}`,
        });
    }),
  );
  return report;
}

async function worker(share: Share): Promise<void> {
  const send = (message: object) => new Promise((done) => process.send?.(message, done));
  const report = await campaign({
    ...share,
    log: (line) => void send({ line: `${line}, ${megabytes()} MB` }),
  });
  await send({ report });
  process.disconnect();
}

function sharesOf({ requests, seed, perRound }: Share, workers: number): Share[] {
  const each = Math.ceil(requests / workers);
  return Array.from({ length: workers }, (_, n) => ({
    ...{ perRound, seed: seed + n * SEEDS_APART },
    requests: Math.min(each, requests - n * each),
  })).filter((share) => share.requests > 0);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: 'string', default: DEFAULT_REQUESTS },
      seed: { type: 'string', default: '1' },
      'per-round': { type: 'string', default: '4000' },
      workers: { type: 'string', default: String(availableParallelism()) },
      share: { type: 'string' },
    },
  });
  if (values.share !== undefined) return worker(JSON.parse(values.share) as Share);
  const wish: Share = {
    requests: whole('requests', values.requests, 1),
    seed: whole('seed', values.seed, 0),
    perRound: whole('per-round', values['per-round'], 10),
  };
  const log = (line: string) => void process.stdout.write(`${line}\n`);
  const workers = Math.min(whole('workers', values.workers, 1), Math.ceil(wish.requests / wish.perRound));
  const report =
    workers === 1 ? await campaign({ ...wish, log }) : await inParallel(sharesOf(wish, workers), log);
  print(report, wish);
}

function print(report: CampaignReport, { requests: wanted, perRound }: Share): void {
  const { violations, requests, rounds, byStatus, ms } = report;
  const statuses = Object.entries(byStatus).map(([status, n]) => `${status}: ${n}`);
  const never = neverReached(report);
  process.stdout.write(
    `${coverageTable(report)}\n\n${requests} requests in ${rounds} rounds, ${(ms / 1_000).toFixed(1)} s, ` +
      `${perSecond(report)}/s, ${megabytes()} MB at most\n${statuses.join('  ')}\n` +
      `${ROUTES.length - never.length} of ${ROUTES.length} routes answered with success or are excused\n`,
  );
  for (const violation of violations) printViolation(violation, perRound);
  const isPatchy = wanted >= LONG && never.length > 0;
  if (isPatchy) process.stdout.write(`\nnobody got through to: ${never.join(', ')}\n`);
  process.exitCode = violations.length > 0 || isPatchy ? 1 : 0;
}

function printViolation({ seed, what, request }: Violation, perRound: number): void {
  const asked = request === undefined ? '' : `${JSON.stringify(request).slice(0, 2_000)}\n`;
  process.stdout.write(`\nviolation: ${what}\n${asked}`);
  process.stdout.write(
    `again: npm run fuzz -- --requests ${perRound} --per-round ${perRound} --seed ${seed} --workers 1\n`,
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
});
