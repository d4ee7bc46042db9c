/** Traces of a live installation, as a collector gets them. In a process of its own: the exporter's lazy imports do not load within Jest. */
import { spanIdOf, traceIdOf } from '../../src/domain/trace';
import { World } from '../e2e/support/world';
import { clientOf, writerRelease, type Deployment } from '../grpc/support';
import { freePort } from '../support/ports';
import { useProcesses } from '../support/processes';
import { until } from '../support/until';
import { startCollector, type Collector, type Span } from './collector';

let world: World;
let collector: Collector;
let orchestrator: { url: string };
let grpcPort: number;

const processes = useProcesses();

beforeAll(async () => {
  collector = await startCollector();
  grpcPort = await freePort();
  world = await World.start({
    agents: [{ id: 'first' }, { id: 'second' }],
    workflows: [
      {
        id: 'two',
        name: 'Two',
        steps: [
          { id: 'a', agent: 'first', timeoutSeconds: 30 },
          { id: 'b', agent: 'second', timeoutSeconds: 30 },
        ],
      },
    ],
  });
  orchestrator = await world.spawn(processes, {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc,x-team=ops',
      OTEL_SERVICE_NAME: 'reveille-of-tests',
      GRPC_PORT: String(grpcPort),
    },
  });
});

afterAll(async () => {
  await world.close();
  await collector.close();
});

async function start(): Promise<string> {
  const response = await fetch(`${orchestrator.url}/workflows/two/runs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: '{"input":{}}',
  });
  return ((await response.json()) as { id: string }).id;
}

const ofRun = (runId: string) => collector.spans.filter(({ traceId }) => traceId === traceIdOf(runId));
const named = (spans: readonly Span[], name: string) => spans.filter((span) => span.name === name);
const attributesOf = ({ attributes }: Span) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
const endOf = (span: Span) => BigInt(span.endTimeUnixNano);
const startOf = (span: Span) => BigInt(span.startTimeUnixNano);

it('are one for a run, from its beginning to the zero of both capsules, each span within its parent', async () => {
  const runId = await start();
  const spans = await until(
    () => {
      const all = ofRun(runId);
      return named(all, 'sleep').length === 2 && named(all, 'run two').length === 1 ? all : undefined;
    },
    { what: 'the trace of the run', deadlineMs: 30_000 },
  );
  const tree = spans.map((span) => [span.name, spans.find((p) => p.spanId === span.parentSpanId)?.name]);
  const ofStep = (step: string) => [
    [`step ${step}`, 'run two'],
    [`attempt ${step}`, `step ${step}`],
    ...['hold', 'dispatch', 'work', 'settle', 'wake'].map((name) => [name, `attempt ${step}`]),
    ...['scale-up', 'boot', 'probe'].map((name) => [name, 'wake']),
    ...['linger', 'sleep'].map((name) => [name, 'run two']),
  ];
  expect(tree.sort()).toEqual([['run two', undefined], ...ofStep('a'), ...ofStep('b')].sort());
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(spans.length);
  for (const span of spans) {
    const parent = spans.find((each) => each.spanId === span.parentSpanId);
    expect(endOf(span)).toBeGreaterThanOrEqual(startOf(span));
    // The capsules sleep after the run is over; what ended an attempt is written down after its end.
    if (parent === undefined || parent.name === 'run two' || span.name === 'settle') continue;
    expect([span.name, startOf(span) >= startOf(parent)]).toEqual([span.name, true]);
    expect([span.name, endOf(span) <= endOf(parent)]).toEqual([span.name, true]);
  }
  expect(attributesOf(named(spans, 'attempt b')[0] as Span)).toMatchObject({
    ...{ 'reveille.run.id': runId, 'reveille.workflow.id': 'two', 'reveille.step.id': 'b' },
    ...{ 'reveille.agent.id': 'second', 'reveille.outcome': 'success' },
  });
});

it('are continued by agents: what one is sent as traceparent is the span of its attempt', async () => {
  const runId = await start();
  const attempt = await until(() => named(ofRun(runId), 'attempt a')[0], { what: 'an attempt' });
  expect(attempt.spanId).toBe(spanIdOf(runId, 'a', 1));
  const job = await world.worked({ event: 'job', runId, stepId: 'a' });
  expect(job.traceparent).toBe(`00-${attempt.traceId}-${attempt.spanId}-01`);
});

it('are posted with the headers and the name that are configured, and those of the queue beside them', async () => {
  await until(() => collector.spans.some(({ name }) => name === 'process reveille'), {
    what: "a span of the queue's",
  });
  const [post] = collector.posts;
  expect(post?.path).toBe('/v1/traces');
  expect(post?.headers).toMatchObject({ authorization: 'Bearer abc', 'x-team': 'ops' });
  expect(post?.resource).toContainEqual({
    key: 'service.name',
    value: { stringValue: 'reveille-of-tests' },
  });
  expect(collector.spans.map(({ name }) => name)).not.toContain('getNextJob reveille');
});

async function kept(n: number): Promise<string> {
  const { manifest } = writerRelease(n);
  const answer = await fetch(`${orchestrator.url}/releases`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ manifest: { ...manifest, agentId: 'first' }, parts: [] }),
  });
  return ((await answer.json()) as { id: string }).id;
}

it('are one for a rollout, too, which was asked for over gRPC, and taken back after it', async () => {
  const client = clientOf(`127.0.0.1:${grpcPort}`);
  const deploy = async (releaseId: string) => {
    const reply = await client.call('DeployAgent', { agent_id: 'first', release_id: releaseId });
    const { id } = reply['deployment'] as Deployment;
    const spans = await until(
      () => {
        const all = ofRun(id);
        return all.length === 2 && all;
      },
      { what: 'the trace of the rollout' },
    );
    return { id, spans };
  };
  const first = await kept(1);
  const { id, spans } = await deploy(first);
  const [stage] = named(spans, 'stage switch');
  const [root] = named(spans, 'rollout first');
  expect(stage?.parentSpanId).toBe(root?.spanId);
  expect(attributesOf(root as Span)).toMatchObject({
    ...{ 'reveille.rollout.id': id, 'reveille.release.id': first, 'reveille.agent.id': 'first' },
    ...{ 'reveille.rollout.strategy': 'direct', 'reveille.rollout.status': 'done' },
  });
  const second = await deploy(await kept(2));
  await client.call('RollbackDeployment', { agent_id: 'first' });
  client.close();
  const back = await until(() => named(ofRun(second.id), 'rollback')[0], { what: 'the way back' });
  expect(back.parentSpanId).toBe(named(second.spans, 'rollout first')[0]?.spanId);
  expect(attributesOf(back)).toMatchObject({
    ...{ 'reveille.rollout.id': second.id, 'reveille.release.before': first },
    'reveille.rollback.cause': 'person',
  });
});

it('hold up nothing while the collector takes none, and what is lost is counted', async () => {
  collector.answer(400);
  const runId = await start();
  const told = async (path: string) => (await fetch(`${orchestrator.url}${path}`)).text();
  await until(async () => (await told(`/runs/${runId}`)).includes('"status":"succeeded"'), {
    what: 'the run without a collector',
  });
  const failed = /reveille_spans_total\{outcome="failed"\} [1-9]/;
  await until(async () => failed.test(await told('/metrics')), {
    what: 'the count of what is lost',
  });
});
