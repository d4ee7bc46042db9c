/**
 * Rounds against a new installation each: first strangers, who may change nothing, then people with keys, who may be
 * answered anything but a fault. Everything follows from the seed but ids and tokens, which are made anew, and the
 * order in which requests of several connections come in.
 */
import fc from 'fast-check';
import { ROUTES } from '../../src/http/routes';
import { crashesOf, faultsOf, leaks, type Who } from './faults';
import { callsFor, GrpcSender, type FuzzCall } from './grpc';
import { learn } from './learn';
import { Logins } from './oidc';
import { People } from './people';
import { emptyReport, note, perSecond, type CampaignReport } from './report';
import { requestsFor, type FuzzRequest } from './requests';
import { Scene } from './scene';
import { Sender } from './sender';
import { snapshot } from './snapshot';
import { startWorld, tellSecrets, type World } from './world';

export interface CampaignOptions {
  requests: number;
  seed: number;
  /** Requests of one round: an installation that grows gets slower, and finds less. */
  perRound?: number;
  log?: (line: string) => void;
}

const PER_ROUND = 4_000;
const CONNECTIONS = 8;
/** Requests are made so many at a time, of what is known then. */
const CHUNK = 100;
/** Secrets that are looked for in every answer, and ways to call. */
const MAX_MADE = 60;
const MAX_CALLERS = 16;
/** More of them say no more. */
export const MAX_VIOLATIONS = 20;

const scene = new Scene();
/** Made when first needed, and once: that takes half a second. */
let arbitraries: { requests: fc.Arbitrary<FuzzRequest>; calls: fc.Arbitrary<FuzzCall> } | undefined;

export async function campaign(options: CampaignOptions): Promise<CampaignReport> {
  const { requests, seed, perRound = PER_ROUND, log = () => undefined } = options;
  const report = emptyReport();
  const began = performance.now();
  const logins = await Logins.start();
  try {
    while (report.requests < requests && report.violations.length < MAX_VIOLATIONS) {
      await round(seed + report.rounds, Math.min(perRound, requests - report.requests), report, logins);
      report.rounds += 1;
      report.ms = performance.now() - began;
      if (report.rounds % 25 === 0) log(`${report.requests} requests, ${perSecond(report)}/s`);
    }
  } finally {
    await logins.close();
  }
  return report;
}

async function round(seed: number, total: number, report: CampaignReport, logins: Logins): Promise<void> {
  arbitraries ??= { requests: requestsFor(ROUTES, scene), calls: callsFor(scene) };
  scene.clear();
  const world = await startWorld(scene, logins.login());
  const crashes = crashesOf((what) => report.violations.push({ seed, what }));
  const sender = new Sender(world.api.port, CONNECTIONS);
  const grpc = await GrpcSender.start(world.api);
  try {
    const before = await snapshot(world.api);
    const half = Math.ceil(total / 2);
    const stage = { ...arbitraries, world, sender, grpc, seed, report };
    await attack({ ...stage, who: 'strangers', total: half });
    if ((await snapshot(world.api)) !== before)
      report.violations.push({ seed, what: 'strangers changed what is kept' });
    tellSecrets(scene, world);
    scene.addExample('finishOidcLogin', await logins.comingBack(world.api));
    // Some of what people ask for waits for time to pass, and for agents that deliver.
    const people = new People(scene, world);
    await attack({ ...stage, who: 'members', total: total - half }).finally(() => people.stop());
    for (const what of await leaks(world)) report.violations.push({ seed, what });
  } finally {
    await sender.close();
    await grpc.close();
    await world.api.close();
    crashes.stop();
  }
}

interface Stage {
  requests: fc.Arbitrary<FuzzRequest>;
  calls: fc.Arbitrary<FuzzCall>;
  world: World;
  sender: Sender;
  grpc: GrpcSender;
  seed: number;
  report: CampaignReport;
  who: Who;
  total: number;
}

/** One in so many is a call over gRPC. */
const CALLS_ONE_IN = 20;

async function attack(stage: Stage): Promise<void> {
  const { world, report, who, total } = stage;
  scene.callers = [...world[who]];
  const requests = sampled(stage.requests, stage.seed);
  const calls = sampled(stage.calls, stage.seed);
  let sent = 0;
  const worker = async () => {
    while (sent < total && report.violations.length < MAX_VIOLATIONS) {
      sent += 1;
      report.requests += 1;
      if (sent % CALLS_ONE_IN === 0) await call(stage, calls());
      else await request(stage, requests());
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

/** One after the other without end. */
function sampled<T>(arbitrary: fc.Arbitrary<T>, seed: number): () => T {
  let chunk: T[] = [];
  let made = 0;
  return () => {
    if (chunk.length === 0) chunk = fc.sample(arbitrary, { numRuns: CHUNK, seed: seed * 7_919 + made });
    made += 1;
    return chunk.pop() as T;
  };
}

async function request({ world, sender, seed, report, who }: Stage, asked: FuzzRequest): Promise<void> {
  const answer = await sender.send(asked).catch((error: Error) => {
    report.violations.push({ seed, what: `no answer: ${error.message}`, request: asked });
  });
  if (!answer) return;
  note(report, asked, answer.status);
  for (const what of faultsOf(world, who, asked, answer))
    report.violations.push({ seed, what, request: asked });
  if (who !== 'members' || asked.operationId === undefined) return;
  const { secrets, caller } = learn(scene, asked.operationId, answer, asked.path);
  for (const secret of secrets.slice(0, Math.max(0, MAX_MADE - world.made.size))) world.made.add(secret);
  if (caller && scene.callers.length < MAX_CALLERS) scene.callers.push(caller);
}

async function call({ grpc, seed, report, who, world }: Stage, asked: FuzzCall): Promise<void> {
  const faults = await grpc.send(asked, who, world, report.calls);
  for (const what of faults) report.violations.push({ seed, what, request: asked });
}
