/** An installation to be attacked: keys of every kind, runs and releases in every state, tokens of every fate. */
import { randomUUID } from 'node:crypto';
import type { AgentRunRequest } from '../../src/contract';
import { ApiKeys } from '../../src/http/auth';
import type { OidcLogin } from '../../src/http/oidc/login';
import { writerRelease } from '../grpc/support';
import { AGENT_SECRET, resultOf, startApi, webhookPath, type Api } from '../http/support/api';
import { text, type Answer } from '../http/support/client';
import { until } from '../support/until';
import { FakeBuilds, HOOK_ENV, HOOK_SECRET, HOOK_TOKEN, INPUT } from './installation';
import { asked, goesOn, mayBegin, publicExamples, secretExamples } from './knowledge';
import type { Headers, Scene } from './scene';

export const ROOT = 'root-key-canary-0123456789abcdef';
/** No answer, no line of a log and no entry of the ledger may hold any of these. */
export const SECRETS = [ROOT, HOOK_SECRET, HOOK_TOKEN, AGENT_SECRET, 'callback-secret-canary'];

const SCOPES = ['viewer', 'operator', 'approver', 'admin'];
/** Proofs that fail are slowed down; here they all have to be looked at. */
const UNLIMITED = 1e9;
const LIMITS = Object.fromEntries(
  [
    ...[
      'requestsPerSecond',
      'requestBurst',
      'failuresPerSecond',
      'failureBurst',
      'binsPerSecond',
      'binBurst',
    ],
    ...['hooksPerSecond', 'hookBurst'],
  ].map((name) => [name, UNLIMITED]),
);

export interface World {
  api: Api;
  /** Nobody, and everybody who is not who they say. */
  strangers: readonly Headers[];
  members: readonly Headers[];
  /** Secrets that came into being here. */
  made: Set<string>;
  /** Jobs that agents are at, and the one that is done. */
  open: AgentRunRequest[];
  done: AgentRunRequest;
}

export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const ROOT_HEADERS = bearer(ROOT);

/** @param scene is told what there is to be named */
export async function startWorld(scene: Scene, oidc?: OidcLogin): Promise<World> {
  const api = await startApi({
    ...{ auth: new ApiKeys([ROOT]), limits: LIMITS, builds: new FakeBuilds() },
    registry: { input: INPUT, env: HOOK_ENV },
    ...(oidc && { oidc }),
    doctor: async () => [{ check: 'clock', verdict: 'ok', text: 'It goes right.' }],
  });
  const call = (method: string, path: string, json?: unknown): Promise<Answer> =>
    api.call(method, path, { headers: ROOT_HEADERS, ...(json !== undefined && { json }) });
  const keys = await makeKeys(api, call);
  const runs = await startRuns(api, call);
  const releases = await makeReleases(api, call);
  await atRest(api);
  const alerts = await api.store.alerts({}, 10);
  scene.add('keyId', ...keys.expendable.map(({ id }) => id));
  scene.add('runId', ...runs.ids);
  scene.add('otherId', ...runs.ids);
  scene.add('alertId', ...alerts.items.map(({ id }) => id));
  scene.add('releaseId', ...releases.ids);
  scene.add('parent', ...releases.ids);
  scene.add('rolloutId', ...releases.rollouts);
  goesOn(scene, releases.paused);
  mayBegin(scene, releases.gated);
  for (const id of runs.ids) asked(scene, id);
  scene.add('token', ...badTokens(api, [runs.done, ...runs.open]));
  publicExamples(scene, releases.ids);
  const all = [...keys.held, ...keys.expendable];
  return {
    ...{ api, open: runs.open, done: runs.done, made: new Set(all.map(({ secret }) => secret)) },
    strangers: strangersOf(keys.refused),
    members: [ROOT, ROOT, ...keys.held.map(({ secret }) => secret)].map(bearer),
  };
}

/** What only those know who belong there. */
export function tellSecrets(scene: Scene, { open, done }: World): void {
  secretExamples(scene, { root: ROOT, agentSecret: AGENT_SECRET });
  for (const job of [done, ...open]) tellJob(scene, job);
  scene.add('token', ...open.map((job) => tokenOf(job)));
}

/** An agent knows how to deliver: what came of it is one of a few things. */
export function tellJob(scene: Scene, job: AgentRunRequest): void {
  const query = { token: tokenOf(job) };
  const action = { type: 'email.send', costUsd: 1, reach: 500, at: '2026-03-02T12:00:00Z' };
  const usage = [{ provider: 'p', model: 'm', inputTokens: 10, outputTokens: 10, costUsd: 0.5 }];
  scene.addExample(
    'deliverResult',
    { query, body: resultOf(job) },
    { query, body: resultOf(job, { actions: [action], usage, confidence: 0.4 }) },
    { query, body: resultOf(job, { status: 'error', error: 'it broke' }) },
  );
}

type Call = (method: string, path: string, json?: unknown) => Promise<Answer>;

async function makeKeys(api: Api, call: Call) {
  const make = async (json: object) => {
    const { body } = await call('POST', '/keys', { name: 'k', ...json });
    return { id: text(body['key']?.['id']), secret: text(body['secret']) };
  };
  const held = await Promise.all(SCOPES.map((scope) => make({ scopes: [scope], owner: `owner-${scope}` })));
  const spare = await make({ scopes: ['viewer'] });
  const revoked = await make({ scopes: ['admin'] });
  await call('POST', `/keys/${revoked.id}/revoke`);
  const expiresAt = new Date(api.clock.now() + 1_000).toISOString();
  const expired = await make({ scopes: ['admin'], expiresAt });
  api.clock.advance(2_000);
  const refused = [`${ROOT}x`, ROOT.toUpperCase(), revoked.secret, expired.secret, '', 'x'];
  return { held, expendable: [spare, revoked, expired], refused };
}

async function startRuns(api: Api, call: Call) {
  const ids: string[] = [];
  for (const workflow of ['audit', 'single', 'asks', 'audit']) {
    const { body } = await call('POST', `/workflows/${workflow}/runs`, {});
    ids.push(text(body['id']));
  }
  const done = await api.cloud.nextJob();
  await api.deliver(done);
  return { ids, done, open: [await api.cloud.nextJob()] };
}

/** One release is stable, one waits for people's approval, one for a verdict that nobody gives. */
async function makeReleases(api: Api, call: Call) {
  const ids: string[] = [];
  for (let n = 1; n <= 4; n += 1) {
    const { id, manifest } = writerRelease(n);
    await call('POST', '/releases', { manifest, parts: [] });
    ids.push(id);
  }
  const policy = (environment: string, json: object) =>
    call('POST', `/agents/writer/environments/${environment}/policy`, json);
  await policy('approved', { approvals: 2 });
  await policy('judged', { demands: ['sandbox'] });
  const rollouts: string[] = [];
  const begin = async (releaseId: string | undefined, environment: string, status: string) => {
    const { body } = await call('POST', '/deployments', { agentId: 'writer', releaseId, environment });
    const id = text(body['id']);
    await until(async () => (await api.store.rollout(id))?.state.status === status, {
      what: `a rollout in ${environment} that is ${status}`,
    });
    rollouts.push(id);
  };
  await begin(ids[0], 'development', 'done');
  await begin(ids[1], 'development', 'done');
  await begin(ids[0], 'approved', 'gating');
  await begin(ids[0], 'judged', 'paused');
  return { ids, rollouts, paused: text(rollouts.at(-1)), gated: text(rollouts.at(-2)) };
}

/** Strangers find nothing under way: what changes after this, they changed. */
async function atRest(api: Api): Promise<void> {
  await until(async () => (await api.store.alerts({ open: true }, 10)).items.length >= 2, {
    what: 'alerts of the two rollouts that wait for people',
  });
  const isDispatching = async () => {
    // That an agent took its job is kept with the next change, or a moment later.
    api.clock.advance(100);
    const runs = (await api.store.runs({}, 100)).items;
    return runs.some(({ steps }) => JSON.stringify(steps).includes('dispatching'));
  };
  await until(async () => !(await isDispatching()), { what: 'the end of all dispatches' });
  await api.engine.tasks.idle();
}

function strangersOf(wrong: readonly string[]): Headers[] {
  const cookies = ['reveille_session=x', '__Host-reveille_session=x', `reveille_session=${randomUUID()}`];
  return [
    {},
    ...wrong.map(bearer),
    ...['Basic YTpi', 'Bearer', 'bearer a b', 'x'.repeat(3_000)].map((authorization) => ({ authorization })),
    ...cookies.map((cookie) => ({ cookie })),
    ...['127.0.0.1', '::1', 'x'].map((ip) => ({ 'x-forwarded-for': ip, 'x-real-ip': ip })),
  ];
}

export const tokenOf = (job: AgentRunRequest): string =>
  new URLSearchParams(webhookPath(job).split('?')[1]).get('token') ?? '';

/** Forged, expired, of another run; none of them opens anything. */
export function badTokens({ callbacks, clock }: Api, jobs: readonly AgentRunRequest[]): string[] {
  return jobs.flatMap((job) => {
    const { runId, stepId } = job;
    const token = tokenOf(job);
    const [payload = '', mac = ''] = token.split('.');
    const parts = JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown[];
    const later = Buffer.from(JSON.stringify([...parts.slice(0, 3), 9e15, 0])).toString('base64url');
    const own = { runId, stepId, attempt: 1, expiresAt: clock.now() + 60_000 };
    return [
      `${payload}.${[...mac].reverse().join('')}`,
      `${later}.${mac}`,
      `${payload}.`,
      `${token}.x`,
      callbacks.issue({ ...own, expiresAt: clock.now() - 1 }),
      callbacks.issue({ ...own, runId: randomUUID() }),
    ];
  });
}

/** A result for a job, as its agent would send it. */
export const resultText = (job: AgentRunRequest, output: Record<string, unknown>): string =>
  JSON.stringify(resultOf(job, { output }));
