/**
 * npm run fuzz -- --requests N [--seed S] [--per-round N]. Prints what was answered; of what is wrong the request and
 * the command that repeats its round. Exit 1 when something is, 2 on a wrong option.
 */
import { parseArgs } from 'node:util';
import { ROUTES } from '../../src/http/routes';
import { campaign, perSecond, type CampaignReport } from './campaign';

const DEFAULT_REQUESTS = '100000';

function whole(name: string, text: string, min: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= min) return value;
  process.stderr.write(`--${name} takes a whole number from ${min} on\n`);
  process.exit(2);
}

/** How many routes somebody got through to: of a route that nobody did, little is proved. */
function routesOf({ succeeded }: CampaignReport): string {
  const never = ROUTES.filter(({ operationId }) => !succeeded[operationId]).map((r) => r.operationId);
  const some = `${ROUTES.length - never.length} of ${ROUTES.length} routes answered with success`;
  return never.length === 0 ? some : `${some}; never: ${never.join(', ')}`;
}

const megabytes = (): number => Math.round(process.resourceUsage().maxRSS / 1_024);

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      requests: { type: 'string', default: DEFAULT_REQUESTS },
      seed: { type: 'string', default: '1' },
      'per-round': { type: 'string', default: '4000' },
    },
  });
  const perRound = whole('per-round', values['per-round'], 10);
  const report = await campaign({
    requests: whole('requests', values.requests, 1),
    seed: whole('seed', values.seed, 0),
    perRound,
    log: (line) => process.stdout.write(`${line}\n`),
  });
  const { violations, requests, rounds, byStatus, ms } = report;
  const statuses = Object.entries(byStatus).map(([status, count]) => `${status}: ${count}`);
  process.stdout.write(
    `${requests} requests in ${rounds} rounds, ${(ms / 1_000).toFixed(1)} s, ${perSecond(report)}/s\n${statuses.join('  ')}\n`,
  );
  process.stdout.write(`${routesOf(report)}\nmemory: ${megabytes()} MB at most\n`);
  for (const { seed, what, request } of violations) {
    process.stdout.write(
      `\nviolation: ${what}\n${request ? `${JSON.stringify(request).slice(0, 2_000)}\n` : ''}`,
    );
    process.stdout.write(
      `again: npm run fuzz -- --requests ${perRound} --per-round ${perRound} --seed ${seed}\n`,
    );
  }
  process.exitCode = violations.length > 0 ? 1 : 0;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`, () => process.exit(1));
});
