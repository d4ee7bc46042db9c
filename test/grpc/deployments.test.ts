/** The deployment API over gRPC: the same operations as over HTTP, behind the same keys, with the same refusals. */
import { Client, credentials, Metadata, status, type ServiceError } from '@grpc/grpc-js';
import { holds, SCOPES } from '../../src/domain/scope';
import { UNARY } from '../../src/grpc/methods';
import { ApiKeys } from '../../src/http/auth';
import { text } from '../http/support/client';
import { until } from '../support/until';
import { startGrpcApi, writerRelease, type Deployment, type GrpcApi } from './support';

const ROOT = 'root-key-canary-5a0f5c1e';
const root = { headers: { Authorization: `Bearer ${ROOT}` } };
const [A, B] = [writerRelease(1), writerRelease(2)];

let at: GrpcApi;
beforeEach(async () => {
  at = await startGrpcApi({ auth: new ApiKeys([ROOT]) });
  for (const { manifest } of [A, B])
    await at.api.call('POST', '/releases', { ...root, json: { manifest, parts: [] } });
});
afterEach(() => at.close());

/** A key of somebody who holds these scopes. */
async function keyOf(owner: string, ...scopes: string[]): Promise<string> {
  const { body } = await at.api.call('POST', '/keys', { ...root, json: { name: 'n', owner, scopes } });
  return text(body['secret']);
}
const deploymentOf = (reply: Record<string, unknown>): Deployment => reply['deployment'] as Deployment;
const call = (method: string, request: Record<string, unknown>, key = ROOT) =>
  at.client.call(method, request, key);
const get = async (id: string) => deploymentOf(await call('GetDeployment', { deployment_id: id }));
const isNow = (id: string, wanted: string) =>
  until(
    async () => {
      const now = await get(id);
      return now.status === `DEPLOYMENT_STATUS_${wanted}` && now;
    },
    { what: `a deployment that is ${wanted}` },
  );
const deploy = async (release: { id: string }) => {
  const reply = await call('DeployAgent', { agent_id: 'writer', release_id: release.id });
  return isNow(deploymentOf(reply).id, 'DONE');
};
const refusalOf = (promise: Promise<unknown>): Promise<ServiceError> =>
  promise.then(
    () => Promise.reject(new Error('it was not refused')),
    (error: ServiceError) => error,
  );

it('deploys, tells, rolls back, and says what HTTP says', async () => {
  const done = await deploy(A);
  expect(done).toMatchObject({
    ...{ agent_id: 'writer', environment: 'development', candidate: A.id, strategy: 'direct' },
    stages: ['switch'],
    verdicts: [{ stage: 'switch', verdict: 'VERDICT_PASS', reason: 'the pointer was moved', by: 'engine' }],
    created_at: { seconds: at.api.clock.now() / 1_000 },
  });
  expect(done).not.toHaveProperty('incumbent');
  const { body } = await at.api.call('GET', `/rollouts/${done.id}`, root);
  expect(body).toMatchObject({ id: done.id, status: 'done', candidate: A.id, incumbent: null });
  await deploy(B);
  const back = await call('RollbackDeployment', { agent_id: 'writer', reason: 'it is too brief' });
  expect(back).toEqual({ agent_id: 'writer', environment: 'development', release_id: A.id });
});

it('takes strategies as they are written in YAML', async () => {
  await deploy(A);
  const deployment = {
    strategy: 'canary',
    stages: [
      { replay: { tasks: 20, since: '7d', unrecorded: 'ask', tolerance: { ignore: ['meta.at'] } } },
      { canary: { weight: '5%', tasks: 7, for: '1m' } },
      { full: '100%' },
    ],
    rollback_on: ['error_rate > 1%'],
  };
  const reply = await call('CreateCanaryDeployment', {
    ...{ agent_id: 'writer', release_id: B.id, deployment },
  });
  const { state } = (await at.api.store.rollout(deploymentOf(reply).id)) ?? {};
  expect(state?.strategy).toMatchObject({
    stages: [
      {
        kind: 'replay',
        tasks: 20,
        sinceMs: 7 * 86_400_000,
        unrecorded: 'ask',
        tolerance: { ignore: [['meta', 'at']] },
      },
      { kind: 'canary', weight: 5, tasks: 7, forMs: 60_000 },
      { kind: 'switch' },
    ],
    rollbackOn: [{ text: 'error_rate > 1%' }],
  });
  // There is nothing to replay, and nothing is known of the incumbent: a person answers for both.
  const { id } = deploymentOf(reply);
  const key = await keyOf('ann', 'approver');
  for (const stage of ['replay', 'canary 5 %']) {
    expect(await isNow(id, 'PAUSED')).toMatchObject({
      stage,
      memo: expect.stringContaining('could not tell') as unknown,
    });
    await call('PromoteCanary', { deployment_id: id, reason: 'I looked' }, key);
  }
  await isNow(id, 'DONE');
});

it('takes a shadow with what outputs may differ in', async () => {
  await deploy(A);
  const stages = [{ shadow_with: { for: '1h', tolerance: { numbers: '1%', sets: ['tags'] } } }];
  const reply = await call('CreateShadowDeployment', {
    ...{ agent_id: 'writer', release_id: B.id, deployment: { stages } },
  });
  const { state } = (await at.api.store.rollout(deploymentOf(reply).id)) ?? {};
  expect(state?.strategy).toMatchObject({
    name: 'shadow',
    stages: [{ kind: 'shadow', forMs: 3_600_000, tolerance: { numbers: 0.01, sets: [['tags']] } }],
  });
});

const wrong: Array<[string, string, Record<string, unknown>, status, string, string]> = [
  ['GetDeployment', 'a missing id', {}, status.INVALID_ARGUMENT, 'invalid-request', 'request.deploymentId'],
  [
    ...([
      'GetDeployment',
      'an unknown one',
      { deployment_id: '00000000-0000-4000-8000-000000000000' },
    ] as const),
    ...([status.NOT_FOUND, 'rollout-not-found', 'There is no rollout'] as const),
  ],
  [
    ...(['DeployAgent', 'an unknown agent', { agent_id: 'nobody', release_id: A.id }] as const),
    ...([status.NOT_FOUND, 'agent-not-found', 'There is no agent "nobody"'] as const),
  ],
  [
    ...([
      'CreateShadowDeployment',
      'nothing to compare with',
      { agent_id: 'writer', release_id: A.id },
    ] as const),
    ...([status.FAILED_PRECONDITION, 'rollout-refused', 'deploy the first directly'] as const),
  ],
  [
    'DeployAgent',
    'a strategy that never moves',
    {
      agent_id: 'writer',
      release_id: A.id,
      deployment: { strategy: 'canary', stages: [{ validate: '30s' }] },
    },
    ...([status.INVALID_ARGUMENT, 'invalid-request', 'body.deployment.stages'] as const),
  ],
];
it.each(wrong)('%s with %s is refused as over HTTP', async (method, _what, request, code, problem, told) => {
  const error = await refusalOf(call(method, request));
  expect([error.code, error.metadata.get('problem-code')]).toEqual([code, [problem]]);
  expect(error.details).toContain(told);
  expect(String(error.metadata.get('request-id')[0])).toMatch(/^[0-9a-f-]{36}$/);
});

it('asks for the same keys and scopes, and forgets a revoked key at once', async () => {
  const wish = { agent_id: 'writer', release_id: A.id };
  expect((await refusalOf(at.client.call('DeployAgent', wish))).code).toBe(status.UNAUTHENTICATED);
  expect((await refusalOf(call('DeployAgent', wish, 'wrong-key'))).code).toBe(status.UNAUTHENTICATED);
  const viewer = await keyOf('ann', 'viewer');
  const refusal = await refusalOf(call('DeployAgent', wish, viewer));
  expect([refusal.code, refusal.details]).toEqual([
    status.PERMISSION_DENIED,
    'This needs the scope operator.',
  ]);
  const { id } = await deploy(A);
  const asViewer = () => call('GetDeployment', { deployment_id: id }, viewer);
  expect(deploymentOf(await asViewer()).id).toBe(id);
  await at.api.call('POST', `/keys/${viewer.split('_')[1]}/revoke`, root);
  expect((await refusalOf(asViewer())).code).toBe(status.UNAUTHENTICATED);
});

it('keeps what strangers send out of answers, the log, the ledger and the figures', async () => {
  const secrets = ['bearer', 'release', 'agent', 'deployment'].map((of) => `sent-canary-${of}-8Zr4Tq1Wm7Xk`);
  const [bearer = '', release_id, agent_id, deployment_id] = secrets;
  const refusals = await Promise.all([
    refusalOf(call('GetDeployment', { deployment_id: A.id }, bearer)),
    refusalOf(at.client.call('DeployAgent', { agent_id, release_id })),
    refusalOf(at.client.call('GetDeployment', { deployment_id })),
  ]);
  expect(refusals.map(({ code }) => code)).toEqual(refusals.map(() => status.UNAUTHENTICATED));
  const { text: figures } = await at.api.call('GET', '/metrics', root);
  const ledger = JSON.stringify(await at.api.store.ledger(0, 1_000));
  const told = refusals.map(({ details, metadata }) => details + JSON.stringify(metadata.toJSON()));
  for (const text of [...told, at.api.logged(), figures, ledger]) expect(text).not.toContain('sent-canary');
  expect(at.api.logged()).toContain('DeployAgent');
});

it('opens each call to the scopes of its route, and to no other', async () => {
  for (const scope of SCOPES) {
    const key = await keyOf(`only ${scope}`, scope);
    for (const [name, method] of Object.entries(UNARY)) {
      const { code } = await refusalOf(call(name, {}, key));
      const isShut = code === status.PERMISSION_DENIED;
      expect([scope, name, isShut]).toEqual([scope, name, !holds([scope], method.scope)]);
    }
  }
});

it('slows whoever guesses keys, and lets others in', async () => {
  const guess = () => refusalOf(call('GetDeployment', { deployment_id: A.id }, 'wrong-key'));
  const codes: number[] = [];
  for (let i = 0; i < 32; i += 1) codes.push((await guess()).code);
  expect(codes[0]).toBe(status.UNAUTHENTICATED);
  expect(codes.at(-1)).toBe(status.RESOURCE_EXHAUSTED);
  expect((await deploy(A)).status).toBe('DEPLOYMENT_STATUS_DONE');
});

it('takes no message over the limit, and no call while the store is away', async () => {
  const large = { agent_id: 'x'.repeat(1024 * 1024 + 1), release_id: A.id };
  expect((await refusalOf(call('DeployAgent', large))).code).toBe(status.RESOURCE_EXHAUSTED);
  at.api.outage.error = new Error('the store is away');
  const error = await refusalOf(
    call('GetDeployment', { deployment_id: '00000000-0000-4000-8000-000000000000' }),
  );
  at.api.outage.error = undefined;
  expect([error.code, error.metadata.get('retry-after')]).toEqual([status.UNAVAILABLE, ['2']]);
});

it('takes bytes that are no message for a mistake of whoever sends them, once it knows who that is', async () => {
  const stub = new Client(`127.0.0.1:${at.server.port}`, credentials.createInsecure());
  const send = (key?: string) => {
    const metadata = new Metadata();
    if (key !== undefined) metadata.set('authorization', `Bearer ${key}`);
    const path = '/reveille.deployments.v1.AgentDeployment/DeployAgent';
    const asIs = (bytes: Buffer) => bytes;
    // A text is announced whose length has no end.
    const bytes = Buffer.from([0x0a, 0xfe]);
    return refusalOf(
      new Promise((resolve, reject) => {
        stub.makeUnaryRequest(path, asIs, asIs, bytes, metadata, (error, reply) =>
          error ? reject(error) : resolve(reply),
        );
      }),
    );
  };
  expect((await send()).code).toBe(status.UNAUTHENTICATED);
  const { code, details } = await send(ROOT);
  expect([code, details]).toEqual([
    ...[status.INVALID_ARGUMENT, 'The message is none of this method: see deployments.proto.'],
  ]);
  stub.close();
});

it('is counted and told like requests over HTTP', async () => {
  await deploy(A);
  const { text: figures } = await at.api.call('GET', '/metrics', root);
  expect(figures).toContain(
    'reveille_http_request_duration_seconds_count{method="GRPC",route="DeployAgent",status="200"} 1',
  );
  expect(at.api.logged()).not.toContain(ROOT);
});
