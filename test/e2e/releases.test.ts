/** Releases at work: the pointers decide, rollouts judge, rollbacks hold at once. */
import { parse } from 'yaml';
import { releaseId, sha256, type Release, type ReleaseManifest } from '../../src/domain/release/manifest';
import { parseStrategy } from '../../src/domain/rollout/parse-strategy';
import { COMPARISONS, STRATEGY_DEFAULTS, type Strategy } from '../../src/domain/rollout/strategy';
import type { Orchestrator } from '../../src/compose';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { until } from '../support/until';
import { acts, allAsleep, ended, post, trigger } from './support/runs';
import { World } from './support/world';

const one = {
  id: 'one',
  name: 'One',
  steps: [{ id: 'work', agent: 'writer', timeoutSeconds: 30, retry: { attempts: 1 } }],
};
const ENVIRONMENT = 'test';
const BY = { actor: 'key:test' };

export const releaseOf = (n: number): Release => {
  const manifest: ReleaseManifest = {
    ...{ manifestVersion: 1, agentId: 'writer', code: { tree: String(n).repeat(40) }, models: [] },
    ...{ prompts: [], tools: [], permissions: [], contractVersion: 1, config: { n } },
  };
  return { id: releaseId(manifest), agentId: 'writer', manifest, createdAt: n, createdBy: 'key:test' };
};
const [A, B] = [releaseOf(1), releaseOf(2)];

/** As people write it. */
function strategyOf(yaml: string): Strategy {
  const parsed = parseStrategy(parse(yaml));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.strategy;
}

const canary = (tasks: number): Strategy => ({
  name: 'canary',
  stages: [
    { kind: 'validate', withinMs: 60_000 },
    { kind: 'warm-up', withinMs: 20_000 },
    { kind: 'canary', weight: 50, forMs: 0, tasks, deadlineMs: 600_000 },
    { kind: 'switch' },
  ],
  rollbackOn: [],
});

describe('releases', () => {
  let leaks: LeakCheck;
  let world: World;
  let at: Orchestrator;

  beforeAll(() => {
    leaks = leakCheck();
  });
  /** @param candidate what the release on the spare capsule does by itself */
  const open = async (candidate: Record<string, string> = {}) => {
    world = await World.start({
      agents: [
        { id: 'writer', concurrency: 4, lingerSeconds: 2 },
        { id: 'writer-spare', env: candidate },
      ],
      workflows: [one],
    });
    const [writer, other] = world.registry.agents;
    if (!writer || !other) throw new Error('two agents are declared');
    writer.spares = [{ capsuleId: other.capsuleId, baseUrl: other.baseUrl }];
    world.registry.agents.splice(1, 1);
    at = await world.orchestrate();
    for (const release of [A, B]) await add(release);
  };
  afterEach(() => world.close());
  afterAll(() => leaks.backToBaseline());

  const add = (release: Release) =>
    at.store.addRelease(release, new Map(), {
      ...{ at: 1, actor: 'key:test', action: 'release.created', entity: 'release', id: release.id, set: {} },
    });
  const env = () => at.engine.releases.load('writer', ENVIRONMENT);
  const roll = async (releaseId: string, strategy: Strategy) => {
    const begun = await at.engine.rollouts.begin(
      { agentId: 'writer', environment: ENVIRONMENT, releaseId, strategy },
      BY,
    );
    if (begun.kind !== 'begun') throw new Error(begun.kind);
    return begun.rollout.id;
  };
  const rolloutIs = (id: string, ...wanted: string[]) =>
    until(
      async () => {
        const state = (await at.store.rollout(id))?.state;
        return state && wanted.includes(state.status) ? state : undefined;
      },
      { deadlineMs: 20_000, what: `rollout ${wanted.join(' or ')}` },
    );
  const run = async (input: Record<string, unknown> = {}) => ended(at, await trigger(at, 'one', input));
  const direct = async (release: Release) =>
    rolloutIs(await roll(release.id, STRATEGY_DEFAULTS.direct), 'done');

  it('do the work that the pointer gives them, each on its own capsule, and go back by it', async () => {
    await open();
    expect((await run()).steps[0]?.releaseId).toBeUndefined();
    await direct(A);
    expect(await env()).toMatchObject({ stable: A.id, instances: [{ capsuleId: 'capsule-writer' }] });
    expect((await run()).steps[0]).toMatchObject({ releaseId: A.id, status: 'succeeded' });
    // In hand with A: it ends there, whatever the pointer does.
    const inHand = await trigger(at, 'one', acts({ work: 'hold' }));
    await world.worked({ event: 'job', runId: inHand });
    await direct(B);
    const next = await run();
    expect(next.steps[0]?.releaseId).toBe(B.id);
    expect(world.work(next.id).map((w) => w.agentId)).toContain('writer-spare');
    const told = (await (await fetch(`${at.url}/runs/${next.id}`)).json()) as {
      steps: Array<{ shift: object; attempts: object[] }>;
    };
    const there = { shift: { capsuleId: 'capsule-writer-spare' } };
    expect(told.steps).toMatchObject([{ ...there, attempts: [there] }]);
    await world.release('writer', inHand, 'work');
    expect((await ended(at, inHand)).steps[0]).toMatchObject({ releaseId: A.id, status: 'succeeded' });
    expect(await at.engine.rollouts.rollback('writer', ENVIRONMENT, BY)).toEqual({
      kind: 'rolled-back',
      releaseId: A.id,
    });
    expect((await run()).steps[0]?.releaseId).toBe(A.id);
    // Not forward again to what was bad.
    expect(await at.engine.rollouts.rollback('writer', ENVIRONMENT, BY)).toEqual({ kind: 'nothing' });
    const work = await until(async () => {
      const all = await at.store.workOfRelease(B.id, 9);
      return all[0]?.ended ? all : undefined;
    });
    expect(work).toMatchObject([{ runId: next.id, ended: { outcome: 'success' } }]);
    expect(work[0]?.inputHash).toMatch(/^[0-9a-f]{64}$/);
    await allAsleep(world, at);
  });

  it('are put on record, deployed, looked at and taken back over the API, by its words', async () => {
    await open();
    const { url } = at;
    const get = async (path: string) =>
      (await fetch(`${url}${path}`)).json() as Promise<Record<string, unknown>>;
    const prompt = Buffer.from('Be brief.');
    const manifest = { ...A.manifest, prompts: [{ path: 'prompts/a.md', sha256: sha256(prompt) }] };
    await post(`${url}/releases`, { manifest, parts: [] }, 400);
    const body = { manifest, parent: A.id, parts: [prompt.toString('base64')] };
    const made = await post<{ id: string }>(`${url}/releases`, body, 200);
    expect(await post(`${url}/releases`, body, 200)).toEqual(made);
    expect(made).toMatchObject({ id: releaseId(manifest), parent: A.id });
    expect(await get(`/releases/${made.id}/diff`)).toMatchObject({
      changes: [{ part: 'prompt', name: 'prompts/a.md', kind: 'added' }],
    });
    await post(`${url}/deployments/canary`, { agentId: 'writer', releaseId: A.id }, 409);
    await post(`${url}/deployments`, { agentId: 'writer', releaseId: 'f'.repeat(64) }, 404);
    const bad = {
      agentId: 'writer',
      releaseId: A.id,
      deployment: { strategy: 'canary', stages: [{ canary: 5 }] },
    };
    await post(`${url}/deployments`, bad, 400);
    for (const id of [A.id, made.id]) {
      const { id: rolloutId } = await post<{ id: string }>(
        `${url}/deployments`,
        { agentId: 'writer', releaseId: id },
        200,
      );
      await rolloutIs(rolloutId, 'done');
      expect(await get(`/rollouts/${rolloutId}`)).toMatchObject({
        status: 'done',
        strategy: 'direct',
        report: null,
      });
    }
    const did = await run();
    const lineage = async () => (await get(`/runs/${did.id}/lineage`)) as { items: object[] };
    await until(async () => JSON.stringify(await lineage()).includes('"success"'));
    expect((await lineage()).items).toMatchObject([{ releaseId: made.id, stepId: 'work', shadow: false }]);
    const back = await post(`${url}/agents/writer/rollback`, { reason: 'it is too brief' }, 200);
    expect(back).toEqual({ agentId: 'writer', environment: ENVIRONMENT, releaseId: A.id });
    expect((await run()).steps[0]?.releaseId).toBe(A.id);
    await post(`${url}/agents/writer/rollback`, {}, 409);
    await allAsleep(world, at);
  });

  const batch = () => Promise.all(Array.from({ length: 4 }, () => run()));
  /** Has work done until a rollout is over or waits for a person. */
  const workUntil = (id: string, ...wanted: string[]) =>
    until(
      async () => {
        await batch();
        const state = (await at.store.rollout(id))?.state;
        return state && wanted.includes(state.status) ? state : undefined;
      },
      { deadlineMs: 40_000, every: 1 },
    );

  it('are taken back when a canary fails, with an alert that says what was different', async () => {
    await open({ ACT: 'error' });
    await direct(A);
    for (let n = 0; n < 5; n += 1) await batch();
    const over = await workUntil(await roll(B.id, canary(60)), 'done', 'rolled-back', 'paused');
    expect(over).toMatchObject({ status: 'rolled-back' });
    expect(over.abortedFor).toMatch(/^failed in \d+ of \d+ tasks: worse than/);
    expect(await env()).toMatchObject({ stable: A.id, weight: 0 });
    expect((await env()).candidate).toBeUndefined();
    expect((await run()).steps[0]).toMatchObject({ releaseId: A.id, status: 'succeeded' });
    const alerts = await until(async () => {
      const all = (await at.store.alerts({}, 10)).items.filter((a) => a.kind === 'rollout-aborted');
      return all.length > 0 && all;
    });
    expect(alerts[0]?.message).toContain(
      'code changed from 111111111111 to 222222222222, config n changed from 1 to 2.',
    );
    await allAsleep(world, at);
  }, 60_000);

  const COSTLY = { provider: 'p', model: 'm', inputTokens: 1, outputTokens: 1, costUsd: 1 };
  const ELSEWHERE = { REPORT: JSON.stringify({ output: { from: 'elsewhere' } }) };

  /** One for all: what it is to find out about a candidate is in no part of it. */
  const TRIAL = strategyOf(`
    deployment:
      strategy: canary
      stages:
        - validate: 60s
        - warm_up: 20s
        - replay: 20
        - canary: { weight: 50%, tasks: 4 }
        - full: 100%
      rollback_on:
        - error_rate > 30%
  `);

  it.each<[string, Record<string, string>, string, RegExp | undefined]>([
    ['good', {}, 'done', undefined],
    [
      'failing',
      { ACT: 'error' },
      'rolled-back',
      /^the candidate delivered something else in (\d+) of \1 tasks/,
    ],
    ['slow', { ACT: 'slow:600' }, 'rolled-back', /^the candidate took longer in \d+ of \d+ tasks/],
    [
      'costly',
      { REPORT: JSON.stringify({ usage: [COSTLY] }) },
      'rolled-back',
      /^the candidate cost more in \d+ of/,
    ],
    ['changed', ELSEWHERE, 'rolled-back', /^the candidate delivered something else in \d+ of \d+ tasks, at /],
  ])(
    'that are %s get the right verdict of a strategy that is told nothing of them',
    async (_, candidate, status, why) => {
      await open(candidate);
      await direct(A);
      for (let n = 0; n < 5; n += 1) await batch();
      const over = await workUntil(await roll(B.id, TRIAL), 'done', 'rolled-back', 'paused');
      expect(over).toMatchObject({ status });
      const pointers = status === 'done' ? { stable: B.id, previous: A.id } : { stable: A.id };
      expect(await env()).toMatchObject({ ...pointers, weight: 0 });
      if (why) {
        expect(over.abortedFor).toMatch(why);
        expect(over.verdicts.map((v) => v.verdict)).toEqual(['pass', 'pass', 'fail']);
        // Nothing was done for real to find it out.
        const jobs = world.work().filter((w) => w.event === 'job' && w.agentId === 'writer-spare');
        expect(jobs.length).toBeGreaterThan(0);
        expect(jobs.every((w) => w.dryRun)).toBe(true);
      } else {
        expect(over.verdicts.map((v) => v.verdict)).toEqual(['pass', 'pass', 'pass', 'pass', 'pass']);
        const [evidence = ''] = over.verdicts[3]?.evidence ?? [];
        expect(JSON.parse(String(await at.store.releasePart(evidence)))).toMatchObject({ stage: 'canary' });
      }
      // Copies that were begun end, and are counted for nothing.
      await allAsleep(world, at);
    },
    60_000,
  );

  it('are found out in the shadow, too, without doing anything for real', async () => {
    await open(ELSEWHERE);
    await direct(A);
    const shadow: Strategy = {
      name: 'shadow',
      stages: [{ kind: 'shadow', forMs: 600_000, compare: COMPARISONS }],
      rollbackOn: [],
    };
    const over = await workUntil(await roll(B.id, shadow), 'done', 'rolled-back', 'paused');
    expect(over).toMatchObject({ status: 'rolled-back' });
    expect(over.abortedFor).toMatch(/^the candidate delivered something else in \d+ of \d+ tasks, at /);
    const jobs = world.work().filter((w) => w.event === 'job' && w.agentId === 'writer-spare');
    expect(jobs.length).toBeGreaterThan(0);
    expect(jobs.every((w) => w.dryRun)).toBe(true);
    await allAsleep(world, at);
  }, 60_000);
});
