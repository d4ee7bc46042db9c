/** How soon a rollback holds: from its call to the first job of the release before, on an awake capsule; and what routing costs. */
import { randomUUID } from 'node:crypto';
import type { Orchestrator } from '../../src/compose';
import { releaseId, type Release } from '../../src/domain/release/manifest';
import { STRATEGY_DEFAULTS } from '../../src/domain/rollout/strategy';
import { isTerminal } from '../../src/domain/run';
import { until } from '../../test/support/until';
import { median, type Bench, type Figure } from '../figure';
import { startOrchestrator } from '../support/compose';
import { startFixedPlatform } from '../support/fixed-platform';
import { startNotingAgent, type NotingAgent } from '../support/noting-agent';
import { startPostgres } from '../support/services';

const WARM_UP = 3;
const ROUNDS = 21;
const CHOICES = 5_000;
const READS = 100;
const AGENT = 'writer';
const ENVIRONMENT = 'test';
const BY = { actor: 'bench' };
/** More than the figure takes: capsules stay awake. */
const LINGER_SECONDS = 3_600;

export const rollback: Figure = {
  id: 'rollback',
  measure: async (bench) => {
    const agent = await startNotingAgent(bench.cleanup);
    const at = await installation(bench, agent);
    const [good, bad] = [releaseOf(1), releaseOf(2)];
    for (const release of [good, bad]) await add(at, release);
    await promote(at, good);
    await work(at, agent, good);
    const samples: number[] = [];
    for (let n = 0; n < WARM_UP + ROUNDS; n += 1) {
      await promote(at, bad);
      await work(at, agent, bad);
      const begun = performance.now();
      await post(at, `/agents/${AGENT}/rollback`, { reason: 'bench' });
      const arrived = await work(at, agent, good);
      if (n >= WARM_UP) samples.push(arrived - begun);
    }
    const { choiceMs, readMs } = await routing(at, bad);
    const atMost = (value: number) => ({ kind: 'at-most' as const, value });
    return [
      {
        ...{ id: 'rollback', name: 'rollback called to first job of the release before, warm' },
        ...{ value: median(samples), unit: 'ms', goal: atMost(50) },
      },
      { id: 'rollback-slowest', name: '  the slowest of them', value: Math.max(...samples), unit: 'ms' },
      {
        ...{ id: 'routing', name: 'choosing the release of a step' },
        ...{ value: choiceMs, unit: 'ms', goal: atMost(0.2) },
      },
      { id: 'routing-read', name: '  reading the pointers, twice a second', value: readMs, unit: 'ms' },
    ];
  },
};

async function installation(bench: Bench, agent: NotingAgent): Promise<Orchestrator> {
  const postgres = await startPostgres(bench);
  const settings = {
    databaseUrl: await postgres.create(),
    platformUrl: await startFixedPlatform(bench.cleanup, 1),
    platformToken: 'bench',
  };
  const capsule = (id: string) => ({ capsuleId: `capsule-${id}`, baseUrl: `${agent.url}/${id}` });
  const writer = { id: AGENT, name: AGENT, ...capsule('main'), spares: [capsule('spare')] };
  const orchestrator = await startOrchestrator(settings, {
    agents: [{ ...writer, concurrency: 4, lingerSeconds: LINGER_SECONDS }],
    workflows: [{ id: 'one', name: 'One step', steps: [{ id: 'work', agent: AGENT }] }],
  });
  return bench.cleanup.add(orchestrator, (o) => o.close());
}

function releaseOf(n: number): Release {
  const manifest = {
    ...{ manifestVersion: 1 as const, agentId: AGENT, code: { tree: String(n).repeat(40) }, models: [] },
    ...{ prompts: [], tools: [], permissions: [], contractVersion: 1, config: { n } },
  };
  return { id: releaseId(manifest), agentId: AGENT, manifest, createdAt: n, createdBy: BY.actor };
}

const add = ({ store }: Orchestrator, release: Release) =>
  store.addRelease(release, new Map(), {
    ...{ at: 1, actor: BY.actor, action: 'release.created', entity: 'release', id: release.id, set: {} },
  });

async function promote({ engine, store }: Orchestrator, release: Release): Promise<void> {
  const wish = { agentId: AGENT, environment: ENVIRONMENT, releaseId: release.id };
  const begun = await engine.rollouts.begin({ ...wish, strategy: STRATEGY_DEFAULTS.direct }, BY);
  if (begun.kind !== 'begun') throw new Error(`the release was not promoted: ${begun.kind}`);
  await until(async () => (await store.rollout(begun.rollout.id))?.state.status === 'done');
}

/** Has one run done, by the release that is meant to. Answers when its job was there, by `performance.now()`. */
async function work(at: Orchestrator, agent: NotingAgent, by: Release): Promise<number> {
  const { id } = (await post(at, '/workflows/one/runs', {})) as { id: string };
  const { job, arrivedAt } = await agent.jobOf(id);
  if (job.config.releaseId !== by.id)
    throw new Error(`another release did the work: ${job.config.releaseId}`);
  await until(async () => {
    const run = (await at.store.run(id))?.state;
    return run !== undefined && isTerminal(run.status);
  });
  return arrivedAt;
}

async function post({ url }: Orchestrator, path: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`POST ${path}: HTTP ${response.status} ${await response.text()}`);
  return response.json();
}

/** What a step pays for its release while a candidate has a share of the work, and what a reading of the pointers takes. */
async function routing({ engine, store }: Orchestrator, candidate: Release) {
  const { releases } = engine;
  const share = { type: 'candidate' as const, releaseId: candidate.id, weight: 5 };
  await releases.change(AGENT, ENVIRONMENT, share, BY);
  const [any] = (await store.runs({}, 1)).items;
  const run = any && (await store.run(any.id))?.state;
  if (!run) throw new Error('no run is on record');
  const choices: number[] = [];
  for (let n = 0; n < CHOICES; n += 1) {
    const fresh = { ...run, id: randomUUID() };
    const begun = performance.now();
    await releases.prepare(fresh);
    if (!releases.readsInput(fresh) && !releases.of(AGENT, undefined, fresh)) throw new Error('no release');
    choices.push(performance.now() - begun);
  }
  const reads: number[] = [];
  for (let n = 0; n < READS; n += 1) {
    const begun = performance.now();
    await releases.sweep();
    reads.push(performance.now() - begun);
  }
  return { choiceMs: median(choices), readMs: median(reads) };
}
