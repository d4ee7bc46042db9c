/**
 * Rounds against a new installation each: first strangers, who may change nothing, then people with keys, who may be
 * answered anything but a fault. Everything follows from the seed but ids and tokens, which are made anew.
 */
import fc from 'fast-check';
import { ROUTES } from '../../src/http/routes';
import { requestsFor, type FuzzRequest } from './requests';
import { Sender, type FuzzAnswer } from './sender';
import { ROOT, SECRETS, snapshot, startWorld, type World } from './world';

export interface CampaignOptions {
  requests: number;
  seed: number;
  /** Requests of one round: an installation that grows gets slower, and finds less. */
  perRound?: number;
  log?: (line: string) => void;
}

export interface Violation {
  seed: number;
  what: string;
  request?: FuzzRequest;
}

export interface CampaignReport {
  requests: number;
  rounds: number;
  ms: number;
  byStatus: Record<number, number>;
  /** How often each route was answered with success. */
  succeeded: Record<string, number>;
  violations: Violation[];
}

const PER_ROUND = 4_000;
const CONNECTIONS = 8;
/** How far the clock goes each millisecond or so. */
const TICK_MS = 100;
/** More of them say no more. */
const MAX_VIOLATIONS = 20;
/** Where a 501 is no fault: the platform here builds nothing, and says so. */
const NO_FAULT = /^\/agents\/[^/]*\/(builds|redeploy)\b/;
/** Of these answers a new secret is the point. */
const SHOWS_SECRETS = ['createKey', 'rotateKey'];

const routeOf = new Map(ROUTES.map((route) => [route.operationId, route]));

export async function campaign(options: CampaignOptions): Promise<CampaignReport> {
  const { requests, seed, perRound = PER_ROUND, log = () => undefined } = options;
  const report: CampaignReport = {
    requests: 0,
    rounds: 0,
    ms: 0,
    byStatus: {},
    succeeded: {},
    violations: [],
  };
  const began = performance.now();
  while (report.requests < requests && report.violations.length < MAX_VIOLATIONS) {
    await round(seed + report.rounds, Math.min(perRound, requests - report.requests), report);
    report.rounds += 1;
    report.ms = performance.now() - began;
    if (report.rounds % 25 === 0) log(`${report.requests} requests, ${perSecond(report)}/s`);
  }
  return report;
}

export const perSecond = ({ requests, ms }: CampaignReport): number => Math.round((requests / ms) * 1_000);

async function round(seed: number, count: number, report: CampaignReport): Promise<void> {
  const world = await startWorld();
  const sender = new Sender(world.api.port, CONNECTIONS);
  const crashes = crashesOf((what) => report.violations.push({ seed, what }));
  try {
    const before = await snapshot(world.api);
    const half = Math.ceil(count / 2);
    await stage({ world, sender, seed, report }, 'strangers', half);
    if ((await snapshot(world.api)) !== before) {
      report.violations.push({ seed, what: 'strangers changed what is kept' });
    }
    // Some of what people ask for waits for time to pass.
    const ticking = setInterval(() => world.api.clock.advance(TICK_MS), 1);
    await stage({ world, sender, seed, report }, 'members', count - half).finally(() =>
      clearInterval(ticking),
    );
    for (const what of await leaks(world)) report.violations.push({ seed, what });
  } finally {
    await sender.close();
    await world.api.close();
    crashes.stop();
  }
}

interface Stage {
  world: World;
  sender: Sender;
  seed: number;
  report: CampaignReport;
}

async function stage({ world, sender, seed, report }: Stage, who: 'strangers' | 'members', count: number) {
  const arbitrary = requestsFor(ROUTES, world.known, world[who]);
  const queue = fc.sample(arbitrary, { numRuns: count, seed }).values();
  const check = (request: FuzzRequest, answer: FuzzAnswer) => {
    report.byStatus[answer.status] = (report.byStatus[answer.status] ?? 0) + 1;
    for (const what of faultsOf(world, who, request, answer)) report.violations.push({ seed, what, request });
    const { operationId } = request;
    if (answer.status < 300 && operationId !== undefined)
      report.succeeded[operationId] = (report.succeeded[operationId] ?? 0) + 1;
  };
  const worker = async () => {
    for (const request of queue) {
      if (report.violations.length >= MAX_VIOLATIONS) return;
      await sender.send(request).then(
        (answer) => check(request, answer),
        (error: Error) => report.violations.push({ seed, what: `no answer: ${error.message}`, request }),
      );
      report.requests += 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

function faultsOf({ made }: World, who: string, request: FuzzRequest, answer: FuzzAnswer): string[] {
  const { status, text, type } = answer;
  const faults: string[] = [];
  const route = request.operationId === undefined ? undefined : routeOf.get(request.operationId);
  if (status >= 500 && !(status === 501 && NO_FAULT.test(request.path)))
    faults.push(`answered ${status}: ${text.slice(0, 300)}`);
  const isOwn = route && request.method === route.method.toUpperCase();
  const isProblem = type.startsWith('application/problem+json');
  if (isOwn && !isProblem && status < 400 && !route.responses[status] && hasOneAddress(request))
    faults.push(`answered ${status}, which ${route.operationId} does not declare`);
  if (status >= 400 && !isProblem && request.method !== 'HEAD' && text !== '')
    faults.push(`answered ${status} as ${type}`);
  const secrets = SHOWS_SECRETS.includes(request.operationId ?? '') ? SECRETS : [...SECRETS, ...made];
  for (const secret of secrets) if (text.includes(secret)) faults.push(`answered ${secret.slice(0, 12)}…`);
  const isShut =
    who === 'strangers' && route !== undefined && route.access !== 'open' && route.access !== 'inbox';
  if (isShut && isOwn && status < 400 && hasOneAddress(request))
    faults.push(`a stranger was answered ${status}`);
  return faults;
}

/** A hostile path may lead to another route than the one it was made for. */
const hasOneAddress = ({ path }: FuzzRequest): boolean =>
  /^[\w/.:-]*$/.test(path.split('?')[0] ?? '') && !path.includes('..') && !path.includes('//');

/** What of the secrets is in the log, the ledger, alerts, messages or metrics. */
async function leaks({ api, made }: World): Promise<string[]> {
  const metrics = await api.call('GET', '/metrics', { headers: { authorization: `Bearer ${ROOT}` } });
  const places = {
    log: api.logged(),
    ledger: JSON.stringify(await api.store.ledger(0, 100_000)),
    alerts: JSON.stringify(await api.store.alerts({}, 1_000)),
    inbox: JSON.stringify(await api.store.deliveries({}, 1_000)),
    metrics: metrics.text,
  };
  return Object.entries(places).flatMap(([place, text]) =>
    [...SECRETS, ...made]
      .filter((secret) => text.includes(secret))
      .map((s) => `${place} holds ${s.slice(0, 12)}…`),
  );
}

/** Rejections and exceptions that nobody took would have ended the process. */
function crashesOf(tell: (what: string) => void) {
  const onCrash = (reason: unknown) => tell(`crash: ${(reason as Error)?.stack ?? String(reason)}`);
  process.on('unhandledRejection', onCrash);
  process.on('uncaughtException', onCrash);
  return {
    stop: () => {
      process.off('unhandledRejection', onCrash);
      process.off('uncaughtException', onCrash);
    },
  };
}
