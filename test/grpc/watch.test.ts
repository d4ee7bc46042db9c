/** Watching a deployment over gRPC, TLS, who is let in without keys, and what the .proto says. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { credentials, status, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { z } from 'zod';
import { ROLLOUT_STATUSES } from '../../src/domain/rollout/rollout';
import { VERDICTS } from '../../src/domain/rollout/verdict';
import { enumName } from '../../src/grpc/messages';
import { ApiKeys } from '../../src/http/auth';
import { RolloutView } from '../../src/http/views/release';
import { temporaryFolder } from '../support/folders';
import { until } from '../support/until';
import { systemProgram } from '../support/system-program';
import { clientOf, startGrpcApi, writerRelease, type Deployment, type GrpcApi } from './support';

const PROTO = join(__dirname, '../../proto/reveille/deployments/v1/deployments.proto');
const COMPOSE = join(__dirname, '../../dist/compose.js');
const ROOT = 'root-key-canary-5a0f5c1e';
const [A, B] = [writerRelease(1), writerRelease(2)];

const opened: GrpcApi[] = [];
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close();
});

async function open(...options: Parameters<typeof startGrpcApi>): Promise<GrpcApi> {
  const at = await startGrpcApi(...options);
  opened.push(at);
  return at;
}

const add = ({ api }: GrpcApi, { manifest }: { manifest: object }) =>
  api.call('POST', '/releases', { json: { manifest, parts: [] } });
const begin = async ({ client }: GrpcApi, { id }: { id: string }): Promise<Deployment> => {
  const { deployment } = await client.call('DeployAgent', { agent_id: 'writer', release_id: id });
  return deployment as Deployment;
};

it('streams a deployment that waits for approvals until it is done', async () => {
  const at = await open();
  await add(at, A);
  const policy = { approvals: 1 };
  await at.api.call('POST', '/agents/writer/environments/development/policy', { json: policy });
  const { id } = await begin(at, A);
  const stream = at.client.watch({ deployment_id: id });
  const seen: Deployment[] = [];
  const ended = once(stream, 'end');
  stream.on('data', ({ deployment }: { deployment: Deployment }) => {
    seen.push(deployment);
    // Once it is told that somebody has to say yes, somebody does.
    if (seen.length === 1) void at.api.call('POST', `/rollouts/${id}/approve`, { json: { reason: 'good' } });
  });
  await ended;
  expect(seen[0]).toMatchObject({
    ...{ status: 'DEPLOYMENT_STATUS_GATING', stage: 'approval' },
    approvals: { wanted: 1, expires_at: { seconds: at.api.clock.now() / 1_000 + 7 * 86_400 } },
  });
  expect(seen.at(-1)).toMatchObject({
    status: 'DEPLOYMENT_STATUS_DONE',
    verdicts: [{ stage: 'approval', reason: 'approved by local' }, { stage: 'switch' }],
  });
});

it('lets go of who stopped watching, refuses more watchers than it may have, and ends with the server', async () => {
  const at = await open({ streams: { maxClients: 1 } });
  await add(at, A);
  await at.api.call('POST', '/agents/writer/environments/development/policy', { json: { approvals: 1 } });
  const { id } = await begin(at, A);
  const watch = () => at.client.watch({ deployment_id: id });
  const first = watch();
  await once(first, 'data');
  const [refused] = (await once(watch(), 'error')) as [ServiceError];
  expect(refused.code).toBe(status.UNAVAILABLE);
  const cancelled = once(first, 'error');
  first.cancel();
  expect((await cancelled)[0]).toMatchObject({ code: status.CANCELLED });
  // The server hears of it a moment later.
  const second = await until(
    async () => {
      const stream = watch();
      return once(stream, 'data').then(
        () => stream,
        () => undefined,
      );
    },
    { what: 'room for another watcher' },
  );
  second.resume();
  const end = once(second, 'end');
  await at.server.close(1_000);
  await end;
});

it('lets this machine in where no key is configured, and knows a foreign name', async () => {
  const at = await open();
  await add(at, B);
  expect((await begin(at, B)).agent_id).toBe('writer');
  const foreign = clientOf(`127.0.0.1:${at.server.port}`, credentials.createInsecure(), {
    'grpc.default_authority': 'evil.example.com',
  });
  const error = await foreign
    .call('GetDeployment', { deployment_id: '00000000-0000-4000-8000-000000000000' })
    .catch((e: ServiceError) => e);
  foreign.close();
  expect(error).toMatchObject({ code: status.PERMISSION_DENIED });
});

it('speaks TLS with the files that are named, and says which cannot be read', async () => {
  const folder = await temporaryFolder();
  try {
    const [certFile, keyFile] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')];
    const openssl = await systemProgram({
      name: 'openssl',
      missing: 'This test makes a certificate: install openssl',
    });
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const about = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-days', '2'];
    await promisify(execFile)(openssl, [...made, ...about, '-keyout', keyFile, '-out', certFile]);
    const at = await open({ auth: new ApiKeys([ROOT]) }, { certFile, keyFile });
    const client = clientOf(`localhost:${at.server.port}`, credentials.createSsl(readFileSync(certFile)));
    const error = await client
      .call('GetDeployment', { deployment_id: '00000000-0000-4000-8000-000000000000' }, ROOT)
      .catch((e: ServiceError) => e);
    client.close();
    expect(error).toMatchObject({ code: status.NOT_FOUND });
    const missing = { certFile: join(folder.path, 'none.pem'), keyFile };
    await expect(startGrpcApi({}, missing)).rejects.toThrow(
      /^GRPC_TLS_CERT_FILE: .*none\.pem cannot be read/,
    );
  } finally {
    await folder.remove();
  }
});

it('is not loaded by an orchestrator that serves none', async () => {
  const loaded = 'Object.keys(require.cache).filter((path) => /@grpc|protobufjs/.test(path)).length';
  const script = `require(${JSON.stringify(COMPOSE)}); console.log(${loaded});`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script]);
  expect(stdout.trim()).toBe('0');
});

interface Declared {
  type: { field?: Array<{ name: string; typeName: string }>; value?: Array<{ name: string }> };
}
interface Shape {
  properties?: Record<string, Shape>;
  anyOf?: Shape[];
  items?: Shape;
}

describe('the .proto', () => {
  const loaded = loadSync(PROTO, { keepCase: true }) as unknown as Record<string, Declared>;
  const typeOf = (name: string) => loaded[`reveille.deployments.v1.${name}`]?.type;
  const snake = (key: string) => key.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

  /** Fields of a shape of the API that the message lacks, also within. */
  function missing(message: string, shape: Shape, at = message): string[] {
    const [one = shape] = (shape.anyOf ?? []).filter((s) => s.properties ?? s.items);
    const { properties = {} } = one.items ?? one;
    return Object.entries(properties).flatMap(([key, inner]) => {
      const field = typeOf(message)?.field?.find((f) => f.name === snake(key));
      if (!field) return `${at}.${snake(key)}`;
      return typeOf(field.typeName)?.field ? missing(field.typeName, inner, `${at}.${field.name}`) : [];
    });
  }

  it('has a field for everything that HTTP tells', () => {
    const shape = z.toJSONSchema(RolloutView, { unrepresentable: 'any' }) as Shape;
    expect(Object.keys(shape.properties ?? {}).length).toBeGreaterThan(10);
    expect(missing('Deployment', shape)).toEqual([]);
    expect(missing('Approval', shape).length).toBeGreaterThan(10);
  });

  it('has every status and verdict', () => {
    const values = (name: string) => typeOf(name)?.value?.map((v) => v.name) ?? [];
    expect(values('DeploymentStatus').slice(1)).toEqual(
      ROLLOUT_STATUSES.map((s) => enumName('DEPLOYMENT_STATUS', s)),
    );
    expect(values('Verdict').slice(1)).toEqual(VERDICTS.map((v) => enumName('VERDICT', v)));
  });
});
