/** What somebody knows who attacks from outside, and what those know who belong there. */
import { createHmac } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writerRelease } from '../grpc/support';
import { HOOK_SECRET, HOOK_TOKEN, INPUT } from './installation';
import type { Scene } from './scene';

const ROOT_FOLDER = join(__dirname, '../..');
const POLICY = JSON.parse(readFileSync(join(ROOT_FOLDER, 'policies/seven-day.json'), 'utf8')) as object;
const ASSETS = join(ROOT_FOLDER, 'dist/dashboard/assets');
/** Each has a pointer and a rollout of its own. */
const ENVIRONMENTS = [
  ...['development', 'approved', 'judged', 'staging', 'production'],
  ...Array.from({ length: 10 }, (_, n) => `env-${n}`),
];
const reason = 'as agreed';
const AGENTS = ['crawler', 'writer', 'poster', 'none'];
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Names that are no secret, and requests that prove nothing. */
export function publicExamples(scene: Scene, releaseIds: readonly string[]): void {
  const workflows = INPUT.workflows.map(({ id }) => id);
  const steps = ['crawl', 'write', 'only', 'ask', 'post'];
  for (const field of ['workflowId', 'workflow', 'subject']) scene.add(field, ...workflows, 'none');
  for (const field of ['stepId', 'fromStep']) scene.add(field, ...steps);
  for (const field of ['agentId', 'agent', 'agents', 'subject']) scene.add(field, ...AGENTS);
  for (const field of ['environment', 'promoteFrom', 'subject']) scene.add(field, ...ENVIRONMENTS);
  scene.add('capsuleId', 'cap-crawler', 'cap-writer', 'cap-poster', 'cap-spare-1');
  scene.add('budgetId', 'agent:poster:day', 'installation:month', 'cap:agent:poster', 'cap:installation');
  scene.add('bin', 'webhook', 'mine');
  scene.add('/inbox/:id', 'webhook', 'mine');
  scene.add('asset', 'start.js', 'no.js');
  scene.add('screen', 'runs', 'agents', 'none');
  scene.add('secret', 'x', 'wrong-secret-0123456789');
  scene.add('key', 'x', 'no-key-0123456789abcdef');
  scene.add('who', 'owner-viewer', 'none');
  if (existsSync(ASSETS)) scene.add('file', ...readdirSync(ASSETS));
  ofWork(scene);
  ofReleases(scene, releaseIds);
  ofSafety(scene);
}

function ofWork(scene: Scene): void {
  const vote = ['approve', 'reject', 'revise'].map((verdict) => ({ body: { verdict, comment: 'Because.' } }));
  for (const workflowId of ['single', 'posts', 'asks', 'audit'])
    scene.addExample('startRun', { params: { workflowId }, body: {} });
  scene.addExample('rerunRun', { body: {} }, { body: { fromStep: 'write' } });
  scene.addExample('startReplay', { body: { filter: { status: 'succeeded' }, fromStep: 'start', limit: 2 } });
  scene.addExample('decideApproval', ...vote);
  scene.addExample('claimJob', { body: { agentId: 'crawler', bootId: 'boot-0', secret: 'wrong' } });
  scene.addExample('deliverResult', {
    query: { token: 'e30.AAAA' },
    body: { workflowId: 'single', stepId: 'only', status: 'success', output: {}, durationMs: 1 },
  });
  scene.addExample('deliverToInbox', { params: { id: 'mine' }, body: { any: 'thing' } });
  scene.addExample('listDeliveries', { query: { bin: 'webhook', verdict: 'ok' } });
  scene.addExample('exportAudit', { query: { format: 'csv', limit: 20 } });
  scene.addExample('setBudget', { body: { amount: 1_000, reason } }, { body: { amount: null, reason } });
  scene.addExample('raiseBudget', { body: { by: 1, reason } });
}

function ofReleases(scene: Scene, releaseIds: readonly string[]): void {
  const policies = [{ approvals: 1 }, { approvals: 0 }, { demands: ['sandbox'] }, { keepPreviousWarmMs: 0 }];
  const verdict = { reason, durationMs: 5, report: { rows: [1] } };
  const stages = [{ canary: { weight: '5%', tasks: 7, for: '1m' } }, { full: '100%' }];
  for (let n = 1; n <= 40; n += 1)
    scene.addExample('createRelease', { body: { manifest: writerRelease(n).manifest, parts: [] } });
  for (const from of releaseIds) scene.addExample('diffReleases', { query: { from } });
  for (const policy of policies)
    scene.addExample('setEnvironmentPolicy', { params: { agentId: 'writer' }, body: { ...policy, reason } });
  for (const stage of ['sandbox', 'evals'])
    for (const said of ['pass', 'fail', 'inconclusive'])
      scene.addExample('reportVerdict', { body: { ...verdict, stage, verdict: said } });
  for (const [i, environment] of ENVIRONMENTS.entries()) {
    const releaseId = releaseIds[i % releaseIds.length];
    const body = { agentId: 'writer', releaseId, environment };
    scene.addExample('deployAgent', { body });
    scene.addExample('createShadowDeployment', { body });
    scene.addExample('createCanaryDeployment', {
      body: { ...body, deployment: { strategy: 'canary', stages } },
    });
    scene.addExample('forecastReplay', { body: { ...body, deployment: { strategy: 'canary', stages } } });
    for (const replay of [{ tasks: 5 }, { tasks: 200, where: 'sandbox' }])
      scene.addExample('listReplayTasks', {
        body: { ...body, deployment: { strategy: 'canary', stages: [{ replay }, ...stages] } },
      });
    scene.addExample('rollbackDeployment', { params: { agentId: 'writer' }, body: { environment, reason } });
  }
  for (const operation of ['promoteCanary', 'approveRollout', 'abortRollout'])
    scene.addExample(operation, { body: { reason } });
}

function ofSafety(scene: Scene): void {
  const message = 'Wait.';
  scene.addExample('setSwitch', { body: { scope: 'workflow', subject: 'single', message } });
  scene.addExample('setSwitch', { body: { scope: 'agent', subject: 'writer', message } });
  scene.addExample('setSwitch', { body: { scope: 'global', message } });
  scene.addExample('startEmergencyStop', { body: { message } }, { body: { mode: 'drain', message } });
  scene.addExample('wakeCapsule', { body: { reason, forSeconds: 60 } });
  scene.addExample('sleepCapsule', { body: { reason, force: true } });
  for (const level of ['supervised', 'autonomous'])
    scene.addExample('setOversight', { params: { agentId: 'poster' }, body: { level, reason } });
  scene.addExample(
    'startProtocol',
    { body: { policy: POLICY } },
    { body: { policy: POLICY, agents: ['poster'] } },
  );
  scene.addExample('stopProtocol', { body: { reason } });
  scene.addExample('redeployAgent', { params: { agentId: 'writer' }, body: { force: true } });
  scene.addExample('resetBreaker', { params: { agentId: 'poster' } });
  scene.addExample('createKey', { body: { name: 'new', scopes: ['viewer'] } });
  scene.addExample('endSessions', { body: { who: 'owner-viewer' } });
}

/** What a paused rollout waits for. */
export function goesOn(scene: Scene, rolloutId: string): void {
  for (const operation of ['promoteCanary', 'retryRollout'])
    scene.addExample(operation, { params: { rolloutId }, body: { reason } });
}

/** What one waits for that people have to approve. */
export const mayBegin = (scene: Scene, rolloutId: string): void =>
  scene.addExample('approveRollout', { params: { rolloutId }, body: { reason } });

/** Work that an agent has done, or is at. */
export const worked = (scene: Scene, runId: string, stepId: string): void =>
  scene.addExample('getPastTask', { params: { runId, stepId, attempt: '1' } });

/** What a run of `asks` waits for. */
export const asked = (scene: Scene, runId: string): void =>
  scene.addExample('decideStep', { params: { runId, stepId: 'ask' }, body: { approve: true } });

/** What proves who somebody is. */
export function secretExamples(
  scene: Scene,
  { root, agentSecret }: { root: string; agentSecret: string },
): void {
  const push = JSON.stringify({ repository: { full_name: 'acme/site' } });
  const signature = `sha256=${createHmac('sha256', HOOK_SECRET).update(push).digest('hex')}`;
  scene.addExample(
    'deliverHook',
    { params: { workflowId: 'hooked' }, raw: push, headers: { 'x-hub-signature-256': signature } },
    {
      params: { workflowId: 'tokened' },
      ...{ body: { order: { id: 'o-1' } }, headers: { authorization: `Bearer ${HOOK_TOKEN}` } },
    },
  );
  scene.addExample('claimJob', { body: { agentId: 'crawler', bootId: 'boot-1', secret: agentSecret } });
  scene.addExample('logIn', { body: { key: root } });
  scene.addExample('decideOnPage', { raw: new URLSearchParams({ key: root }).toString(), headers: FORM });
}

/** How somebody who is logged in decides on the page of a memo. */
export function decisionsOnPage(scene: Scene, session: { cookie: string; csrf: string }): void {
  const raw = new URLSearchParams({ verdict: 'approve', comment: 'Yes.', csrf: session.csrf }).toString();
  const { cookie } = session;
  scene.addExample('decideOnPage', { raw, headers: { ...FORM, cookie, authorization: '' } });
}
