/** An installation to be attacked: keys of every kind, runs in every state, tokens of every fate. */
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import type { AgentRunRequest } from '../../src/contract';
import { ApiKeys } from '../../src/http/auth';
import type { RegistryInput } from '../../src/registry';
import { AGENT_SECRET, REGISTRY, resultOf, startApi, webhookPath, type Api } from '../http/support/api';
import { text } from '../http/support/client';
import type { Callers } from './requests';
import type { Known } from './values';

export const ROOT = 'root-key-canary-0123456789abcdef';
export const HOOK_SECRET = 'hook-secret-canary-0123456789abcdef';
/** No answer, no line of a log and no entry of the ledger may hold any of these. */
export const SECRETS = [ROOT, HOOK_SECRET, AGENT_SECRET, 'callback-secret-canary'];

const SCOPES = ['viewer', 'operator', 'approver', 'admin'];
/** Proofs that fail are slowed down; here they all have to be looked at. */
const UNLIMITED = 1e9;
const LIMITS = Object.fromEntries(
  ['requestsPerSecond', 'requestBurst', 'failuresPerSecond', 'failureBurst', 'binsPerSecond', 'binBurst'].map(
    (name) => [name, UNLIMITED],
  ),
);

const INPUT: RegistryInput = {
  agents: REGISTRY.agents,
  workflows: [
    ...REGISTRY.workflows,
    { id: 'asks', name: 'Asks', steps: [{ id: 'ask', approval: { title: 'May it?' } }] },
    {
      id: 'hooked',
      name: 'Hooked',
      steps: [{ id: 'only', agent: 'writer' }],
      on: { webhook: { secret: 'HOOK_SECRET', style: 'github' } },
    },
  ],
};

export interface World {
  api: Api;
  known: Known;
  /** Nobody, and everybody who is not who they say. */
  strangers: Callers;
  members: Callers;
  /** Secrets that came into being here. */
  made: string[];
  /** Jobs that agents are at, and the one that is done. */
  open: AgentRunRequest[];
  done: AgentRunRequest;
}

export async function startWorld(): Promise<World> {
  const api = await startApi({
    auth: new ApiKeys([ROOT]),
    limits: { ...LIMITS, hooksPerSecond: UNLIMITED, hookBurst: UNLIMITED },
    registry: { input: INPUT, env: { HOOK_SECRET } },
  });
  const root = bearer(ROOT);
  const make = async (json: object) => {
    const { body } = await api.call('POST', '/keys', { headers: root, json: { name: 'k', ...json } });
    return { id: text(body['key']?.['id']), secret: text(body['secret']) };
  };
  const held = await Promise.all(SCOPES.map((scope) => make({ scopes: [scope] })));
  const revoked = await make({ scopes: ['admin'] });
  await api.call('POST', `/keys/${revoked.id}/revoke`, { headers: root });
  const expiresAt = new Date(api.clock.now() + 1_000).toISOString();
  const expired = await make({ scopes: ['admin'], expiresAt });
  api.clock.advance(2_000);
  const runs = await startRuns(api, root);
  const wrong = [`${ROOT}x`, ROOT.toUpperCase(), revoked.secret, expired.secret, '', 'x'];
  return {
    ...{
      api,
      made: [...held, revoked, expired].map(({ secret }) => secret),
      open: runs.open,
      done: runs.done,
    },
    known: knownOf(
      api,
      runs.runIds,
      runs.jobs,
      [...held, revoked].map(({ id }) => id),
    ),
    strangers: strangersOf(wrong),
    members: fc.constantFrom(ROOT, ...held.map(({ secret }) => secret)).map(bearer),
  };
}

export const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });

async function startRuns(api: Api, headers: Record<string, string>) {
  const ids: string[] = [];
  for (const workflow of ['audit', 'single', 'asks', 'audit']) {
    const { body } = await api.startRun(workflow, { headers, json: {} });
    ids.push(text(body['id']));
  }
  const done = await api.cloud.nextJob();
  await api.deliver(done);
  const jobs = [await api.cloud.nextJob()];
  return { runIds: ids, done, open: jobs, jobs: [done, ...jobs] };
}

function strangersOf(wrong: readonly string[]): Callers {
  const cookies = ['reveille_session=x', '__Host-reveille_session=x', `reveille_session=${randomUUID()}`];
  return fc.oneof(
    fc.constant<Record<string, string>>({}),
    fc.constantFrom(...wrong).map(bearer),
    fc
      .constantFrom('Basic YTpi', 'Bearer', 'bearer a b', 'x'.repeat(3_000))
      .map((value) => ({ authorization: value })),
    fc.constantFrom(...cookies).map((cookie) => ({ cookie })),
    fc.constantFrom('127.0.0.1', '::1', 'x').map((ip) => ({ 'x-forwarded-for': ip, 'x-real-ip': ip })),
  );
}

/** What fields may name. Tokens are forged, expired, of another run, or used up; none of them opens anything. */
function knownOf(api: Api, runIds: string[], jobs: AgentRunRequest[], keyIds: string[]): Known {
  const steps = ['crawl', 'write', 'only', 'ask'];
  return {
    runId: runIds,
    other: runIds,
    workflowId: ['audit', 'single', 'asks', 'hooked', 'none'],
    stepId: steps,
    fromStep: steps,
    agentId: ['crawler', 'writer', 'none'],
    capsuleId: ['cap-crawler', 'cap-writer'],
    keyId: keyIds,
    bin: ['webhook', 'mine'],
    asset: ['start.js', 'no.js'],
    token: badTokens(api, jobs),
    secret: ['x', 'wrong-secret-0123456789'],
    key: ['x', 'no-key-0123456789abcdef'],
  };
}

export function badTokens({ callbacks, clock }: Api, jobs: readonly AgentRunRequest[]): string[] {
  return jobs.flatMap((job) => {
    const { runId, stepId } = job;
    const token = new URLSearchParams(webhookPath(job).split('?')[1]).get('token') ?? '';
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

/** Everything that is kept, as one text; of the inbox, which takes what strangers send, nothing. */
export async function snapshot({ store }: Api): Promise<string> {
  const runs = (await store.runs({}, 1_000)).items;
  const details = await Promise.all(
    runs.map(async ({ id }) => [await store.run(id), await store.payloads(id)] as const),
  );
  const capsules = await store.capsules();
  const leases = await Promise.all(
    capsules.map(async (capsule) => {
      const { id } = capsule.state;
      return [await store.waiting(id, 1_000), await store.holders(id)];
    }),
  );
  return JSON.stringify([
    await store.ledgerEnd(),
    details,
    [capsules, leases, (await store.shifts({}, 1_000)).items],
    [(await store.keys(1_000)).items, (await store.switches({}, 1_000)).items],
    [(await store.alerts({}, 1_000)).items, (await store.approvals(1_000)).items],
    [await store.notificationBacklog(), await store.undelivered(9e15, 1_000)],
  ]);
}
