/** Verdicts over the API: kept with their evidence, in the ledger, and demanded before a release gets work. */
import { releaseId, sha256, type ReleaseManifest } from '../../src/domain/release/manifest';
import { DEFAULT_POLICY } from '../../src/domain/release/environment';
import { until } from '../support/until';
import { startApi, type Api } from './support/api';

interface Verdict {
  stage: string;
  verdict: string;
  evidence: string;
}

describe('verdicts of the validation pipeline', () => {
  let api: Api;
  beforeEach(async () => (api = await startApi()));
  afterEach(() => api.close());

  const post = (path: string, json: object) => api.call('POST', path, { json });
  const get = async <T>(path: string) => (await api.call('GET', path)).body as T;
  const release = async (more: Partial<ReleaseManifest> = {}, prompt = 'Be brief.') => {
    const manifest: ReleaseManifest = {
      ...{ manifestVersion: 1, agentId: 'writer', code: { tree: 'a'.repeat(40) }, models: [] },
      prompts: [{ path: 'prompts/a.md', sha256: sha256(prompt) }],
      ...{ tools: [], permissions: [], contractVersion: 1, config: {} },
      ...more,
    };
    const answer = await post('/releases', { manifest, parts: [Buffer.from(prompt).toString('base64')] });
    expect(answer.status).toBe(200);
    return releaseId(manifest);
  };
  const judge = (id: string, stage: string, verdict: string, more: object = {}) =>
    post(`/releases/${id}/verdicts`, {
      stage,
      verdict,
      reason: `${stage}: ${verdict}`,
      durationMs: 5,
      report: {},
      ...more,
    });
  const deploy = (id: string, environment: string, deployment?: object) =>
    post('/deployments', {
      agentId: 'writer',
      releaseId: id,
      environment,
      ...(deployment && { deployment }),
    });
  const endOf = async (rolloutId: string) =>
    until(async () => {
      const rollout = await get<{ status: string; verdicts: Array<{ reason: string }> }>(
        `/rollouts/${rolloutId}`,
      );
      return ['done', 'paused', 'rolled-back'].includes(rollout.status) ? rollout : undefined;
    });
  const deployed = async (id: string, environment: string) => {
    const { status, body } = await deploy(id, environment);
    expect(status).toBe(200);
    return endOf((body as unknown as { id: string }).id);
  };

  it('are kept, newest first, with what they rest on and an entry in the ledger', async () => {
    const id = await release();
    const profile = { bootMs: 300, cpuMs: 200, peakRssBytes: 90_000_000, machine: 'one' };
    const made = await judge(id, 'resources', 'pass', { report: { rows: [1] }, profile });
    expect(made).toMatchObject({ status: 200, body: { stage: 'resources', verdict: 'pass', profile } });
    await judge(id, 'sandbox', 'fail');
    const { items } = await get<{ items: Verdict[] }>(`/releases/${id}/verdicts`);
    expect(items.map((v) => `${v.stage} ${v.verdict}`).sort()).toEqual(['resources pass', 'sandbox fail']);
    const { evidence = '' } = items.find((v) => v.stage === 'resources') ?? {};
    expect(await get(`/releases/${id}/evidence/${evidence}`)).toMatchObject({
      ...{ stage: 'resources', report: { rows: [1] } },
    });
    // What no verdict rests on is not shown by this way: a prompt, for instance.
    const prompt = await api.call('GET', `/releases/${id}/evidence/${sha256('Be brief.')}`);
    expect(prompt.status).toBe(404);
    const ledger = (await api.store.ledger(0, 100)).map(
      ({ body }) => JSON.parse(body) as Record<string, unknown>,
    );
    expect(ledger.at(-1)).toMatchObject({ action: 'release.judged', id, set: { sandbox: 'fail' } });
  });

  it.each([
    ['static, which is judged here', { stage: 'static' }],
    ['a verdict that is none', { verdict: 'maybe' }],
    ['no reason', { reason: ' ' }],
    ['a profile without its machine', { profile: { bootMs: 1, cpuMs: 1, peakRssBytes: 1 } }],
    ['what looks like a key', { report: { said: 'AKIAABCDEFGHIJKLMNOP' } }],
  ])('are refused with %s', async (_what, wrong) => {
    const id = await release();
    const answer = await judge(id, 'evals', 'pass', wrong);
    expect(answer.status).toBe(400);
    expect(await get(`/releases/${id}/verdicts`)).toEqual({ items: [] });
  });

  it('are of releases that there are', async () => {
    expect((await judge('f'.repeat(64), 'evals', 'pass')).status).toBe(404);
  });

  it('let no changed prompt or model into production without an evaluation that passed', async () => {
    expect(await deployed(await release(), 'production')).toMatchObject({ status: 'done' });
    const changed = await release({}, 'Be long.');
    const refused = await deploy(changed, 'production');
    expect(refused).toMatchObject({ status: 409 });
    expect((refused.body as unknown as { detail: string }).detail).toMatch(
      /^evals: there is no verdict, and it is demanded \(prompt prompts\/a.md changed\): reveille release validate /,
    );
    for (const strategy of ['canary', 'blue-green'])
      expect((await deploy(changed, 'production', { strategy })).status).toBe(409);
    for (const verdict of ['fail', 'inconclusive']) {
      await judge(changed, 'evals', verdict);
      expect((await deploy(changed, 'production')).status).toBe(409);
      api.clock.advance(1);
    }
    const model = await release({ models: [{ provider: 'p', model: 'm' }] });
    expect((await deploy(model, 'production')).status).toBe(409);
    await judge(changed, 'evals', 'pass');
    expect(await deployed(changed, 'production')).toMatchObject({ status: 'done' });
    // What it is stands anew; code alone needs no evaluation, and development none at all.
    const code = await release({ code: { tree: 'b'.repeat(40) } }, 'Be long.');
    expect(await deployed(code, 'production')).toMatchObject({ status: 'done' });
    for (const id of [changed, model])
      expect(await deployed(id, 'development')).toMatchObject({ status: 'done' });
  });

  it('are asked for where a policy lists them; what is not there waits for a person', async () => {
    const { engine } = api;
    const policy = { ...DEFAULT_POLICY, demands: ['sandbox' as const] };
    await engine.releases.change('writer', 'staging', { type: 'policy', policy }, { actor: 'key:1' });
    const id = await release();
    const paused = await deployed(id, 'staging');
    expect(paused).toMatchObject({ status: 'paused' });
    expect(paused.verdicts.at(-1)?.reason).toMatch(/^sandbox: there is no verdict/);
    await judge(id, 'sandbox', 'pass');
    const { items } = await get<{ items: Array<{ id: string }> }>('/rollouts');
    expect((await post(`/rollouts/${items[0]?.id}/retry`, {})).status).toBe(200);
    expect(await endOf(items[0]?.id ?? '')).toMatchObject({ status: 'done' });
    const bad = await release({ code: { tree: 'c'.repeat(40) } });
    await judge(bad, 'sandbox', 'fail');
    expect(await deployed(bad, 'staging')).toMatchObject({ status: 'rolled-back' });
  });

  it('tell how an agent is used, with what is known of those before and after it', async () => {
    const answer = await get<{ uses: object[]; schemas: object }>('/agents/writer/uses');
    expect(answer.uses).toMatchObject([
      {
        workflowId: 'audit',
        stepId: 'write',
        gives: { depth: 2 },
        after: [{ agentId: 'crawler' }],
        isOpen: false,
      },
      { workflowId: 'single', stepId: 'only', after: [], isOpen: true },
    ]);
    expect(answer.schemas).toEqual({});
    const id = await release();
    await judge(id, 'contract', 'pass', { schemas: { input: { type: 'object' } } });
    await deployed(id, 'development');
    expect(await get('/agents/writer/uses')).toMatchObject({
      schemas: { writer: { input: { type: 'object' } } },
    });
    expect((await api.call('GET', '/agents/nobody/uses')).status).toBe(404);
  });
});
