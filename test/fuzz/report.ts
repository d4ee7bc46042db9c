/** What came of a campaign, and whether it went everywhere. */
import { ROUTES } from '../../src/http/routes';
import type { FuzzRequest } from './requests';

export interface Violation {
  seed: number;
  what: string;
  request?: unknown;
}

/** How often a route or a method of gRPC was answered so: by class of status (`2xx`) or by name of code. */
export type Answers = Record<string, number>;

export interface CampaignReport {
  requests: number;
  rounds: number;
  ms: number;
  byStatus: Record<number, number>;
  /** By operation; of requests that were made for none, `stray`. */
  routes: Record<string, Answers>;
  /** By method of the service; frames for no method, `stray`. */
  calls: Record<string, Answers>;
  violations: Violation[];
}

export const emptyReport = (): CampaignReport => ({
  ...{ requests: 0, rounds: 0, ms: 0 },
  ...{ byStatus: {}, routes: {}, calls: {}, violations: [] },
});

export const STRAY = 'stray';
const CLASSES = ['2xx', '3xx', '4xx', '5xx'];
/** Fewer requests may miss a route by chance. */
export const LONG = 200_000;
/** Routes that nobody gets through to here, and why. */
export const EXCUSED: Readonly<Record<string, string>> = {};

export function count(answers: Record<string, Answers>, of: string, as: string): void {
  const one = (answers[of] ??= {});
  one[as] = (one[as] ?? 0) + 1;
}

export function note(report: CampaignReport, { operationId = STRAY }: FuzzRequest, status: number): void {
  report.byStatus[status] = (report.byStatus[status] ?? 0) + 1;
  count(report.routes, operationId, `${Math.floor(status / 100)}xx`);
}

/** Adds what one worker found to what all found; the time is the longest. */
export function merge(into: CampaignReport, from: CampaignReport): void {
  into.requests += from.requests;
  into.rounds += from.rounds;
  into.ms = Math.max(into.ms, from.ms);
  into.violations.push(...from.violations);
  for (const [status, n] of Object.entries(from.byStatus))
    into.byStatus[Number(status)] = (into.byStatus[Number(status)] ?? 0) + n;
  for (const part of ['routes', 'calls'] as const)
    for (const [of, answers] of Object.entries(from[part]))
      for (const [as, n] of Object.entries(answers)) {
        const one = (into[part][of] ??= {});
        one[as] = (one[as] ?? 0) + n;
      }
}

/** A route that was asked, and answered something but a refusal. */
const gotThrough = (answers: Answers | undefined): boolean =>
  (answers?.['2xx'] ?? 0) + (answers?.['3xx'] ?? 0) > 0;

/** Routes that nobody got through to, and are not excused: of them, little is proved. */
export const neverReached = ({ routes }: Pick<CampaignReport, 'routes'>): string[] =>
  ROUTES.map(({ operationId }) => operationId).filter((id) => !gotThrough(routes[id]) && !(id in EXCUSED));

export const perSecond = ({ requests, ms }: CampaignReport): number => Math.round((requests / ms) * 1_000);

/** Requests of each route by class of status, and calls of each method by code. */
export function coverageTable({ routes, calls }: CampaignReport): string {
  const widths = [26, 8, 8, 8, 8];
  const row = (cells: ReadonlyArray<string | number>) =>
    cells
      .map((cell, i) => (i === 0 ? String(cell).padEnd(26) : String(cell).padStart(widths[i] ?? 8)))
      .join('');
  const ids = [...ROUTES.map(({ operationId }) => operationId), STRAY];
  const lines = ids.map((id) => {
    const excuse = gotThrough(routes[id]) ? undefined : EXCUSED[id];
    const line = row([id, ...CLASSES.map((name) => routes[id]?.[name] ?? 0)]);
    return excuse === undefined ? line : `${line}  ${excuse}`;
  });
  const codes = Object.entries(calls)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([method, answers]) => {
      const told = Object.entries(answers).map(([code, n]) => `${code} ${n}`);
      return `${method.padEnd(26)}  ${told.join(', ')}`;
    });
  return [row(['route', ...CLASSES]), ...lines, '', 'gRPC', ...codes].join('\n');
}
