/** Secrets in every place where there can be one, looked for in everything that comes out. */
import { generateKeyPairSync } from 'node:crypto';
import { Client } from 'pg';
import { compose, type Orchestrator } from '../../src/compose';
import { loadConfig } from '../../src/config';
import { traceIdOf } from '../../src/domain/trace';
import { createLog, secretsOf } from '../../src/observability/log';
import { ROUTES } from '../../src/http/routes';
import { SHORT } from '../e2e/support/limits';
import { checked } from '../e2e/support/registry';
import { World } from '../e2e/support/world';
import { writerRelease } from '../grpc/support';
import { until } from '../support/until';

const secret = (of: string) => `canary-${of}-8Zr4Tq1Wm7Xk2Vp9`;
const KEY = secret('api-key');
/** Port 9 is nobody's: each error of each of these names its address. */
const NOWHERE = 'http://127.0.0.1:9';

const SIGNING = generateKeyPairSync('ed25519')
  .privateKey.export({ type: 'pkcs8', format: 'der' })
  .toString('base64');

/** Set in the environment. */
const OURS = {
  API_KEYS: KEY,
  CALLBACK_SECRET: `${secret('callback')}-and-longer`,
  NOTIFY_SLACK_URL: `${NOWHERE}/services/${secret('slack')}`,
  NOTIFY_TELEGRAM_TOKEN: secret('telegram'),
  NOTIFY_WEBHOOK_URL: `${NOWHERE}/hook?key=${secret('hook-url')}`,
  NOTIFY_WEBHOOK_SECRET: secret('hook'),
  NOTIFY_SMTP_URL: `smtp://mail:${secret('smtp')}@127.0.0.1:9`,
  NOTIFY_PAGERDUTY_KEY: secret('pagerduty'),
  AUDIT_CHECKPOINT_KEY: Buffer.from(
    `-----BEGIN PRIVATE KEY-----\n${SIGNING}\n-----END PRIVATE KEY-----\n`,
  ).toString('base64'),
  AUDIT_CHECKPOINT_ENTRIES: '1',
  AUDIT_CHECKPOINT_WEBHOOK: `${NOWHERE}/${secret('checkpoint')}`,
};
/** Sent by strangers, who may have mistyped the real ones. */
const THEIRS = ['bearer', 'login', 'query', 'path', 'body', 'cookie', 'header', 'claim', 'hook'].map((of) =>
  secret(`sent-${of}`),
);
/** Looks like a key that belongs to somebody. */
const FOREIGN_KEY = `sk-ant-api03-${secret('report')}`;
const CANARY = /canary-[\w-]*8Zr4Tq1Wm7Xk2Vp9/;
/** As Postgres shows bytes. */
const HEX = new RegExp(Buffer.from('8Zr4Tq1Wm7Xk2Vp9').toString('hex'));

let world: World;
let orchestrator: Orchestrator;
const lines: string[] = [];

beforeAll(async () => {
  world = await World.start({
    agents: [{ id: 'helper', secret: secret('agent'), env: { AGENT_SECRET: secret('agent') } }],
    workflows: [{ id: 'help', name: 'Help', steps: [{ id: 'do', agent: 'helper', timeoutSeconds: 30 }] }],
  });
  const env = world.env({
    ...OURS,
    ...{ LOG_LEVEL: 'trace', HOST: '127.0.0.1', INBOX: 'on', NOTIFY_TELEGRAM_CHAT: '1' },
    ...{ NOTIFY_TELEGRAM_API: NOWHERE, NOTIFY_EMAIL_FROM: 'a@b.example', NOTIFY_EMAIL_TO: 'a@b.example' },
    ...{ NOTIFY_PAGERDUTY_API: NOWHERE },
  });
  const loaded = loadConfig(env);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const log = createLog({ level: 'trace', env, to: { write: (line) => void lines.push(line) } });
  orchestrator = await compose(loaded.config, checked(world.registry), log, { limits: SHORT });
});

afterAll(async () => {
  await orchestrator.close();
  await world.close();
});

const ask = async (path: string, init: RequestInit = {}) => {
  const headers = { authorization: `Bearer ${KEY}`, connection: 'close', ...init.headers };
  const response = await fetch(`${orchestrator.url}${path}`, { ...init, headers });
  return { status: response.status, text: await response.text(), headers: [...response.headers] };
};
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });

/** What strangers send, each with a secret in another place. */
async function plant(): Promise<Array<{ status: number; text: string }>> {
  const [bearer, login, query, path, body, cookie, header, claim, hook] = THEIRS;
  const without = { authorization: '' };
  return Promise.all([
    ask('/runs', { headers: { authorization: `Bearer ${bearer}` } }),
    post('/session', JSON.stringify({ key: login }), without),
    post(`/webhook?token=${query}`, JSON.stringify({ status: 'success' }), without),
    ask(`/nothing/${path}`, { headers: without }),
    post('/webhook', `{"output":"${body}`, without),
    ask('/runs', { headers: { ...without, cookie: `reveille_session=${cookie}` } }),
    ask('/runs', { headers: { ...without, 'x-api-key': String(header) } }),
    post('/webhook/claim', JSON.stringify({ agentId: 'helper', bootId: 'b', secret: claim }), without),
    post(`/hooks/help?token=${hook}`, '{}', without),
  ]);
}

/** A release that was deployed. */
async function deployed(releaseId: string) {
  const done = await post('/deployments', JSON.stringify({ agentId: 'helper', releaseId }));
  const { id } = JSON.parse(done.text) as { id: string };
  return { answer: done, rolloutId: id };
}

/** A release with a verdict of its evaluations; a report that holds a key is refused. */
async function judged() {
  const { manifest } = writerRelease(1);
  const made = await post(
    '/releases',
    JSON.stringify({ manifest: { ...manifest, agentId: 'helper' }, parts: [] }),
  );
  const { id } = JSON.parse(made.text) as { id: string };
  const report = (scores: object) => {
    const verdict = { stage: 'evals', verdict: 'pass', reason: 'as good as before', durationMs: 5 };
    return post(`/releases/${id}/verdicts`, JSON.stringify({ ...verdict, report: scores }));
  };
  const leaking = await report({ output: FOREIGN_KEY });
  expect(leaking.status).toBe(400);
  const kept = await report({ suites: [{ name: 'all', score: 1 }] });
  const { evidence } = JSON.parse(kept.text) as { evidence: string };
  expect(evidence).toMatch(/^[0-9a-f]{64}$/);
  return { releaseId: id, sha256: evidence, answers: [made, leaking, kept] };
}

it('come out nowhere: not in answers, the log, the ledger, the metrics, the record of deliveries', async () => {
  const refused = await plant();
  expect(refused.map(({ status }) => Math.floor(status / 100))).toEqual(refused.map(() => 4));
  const started = await post('/workflows/help/runs', '{"input":{}}');
  const { id } = JSON.parse(started.text) as { id: string };
  await until(async () => (await orchestrator.store.run(id))?.state.status === 'succeeded', {
    what: 'the run',
  });
  // Every channel fails, and tells why.
  const alert = { kind: 'run-failed', subject: 'help', message: 'the last run failed' } as const;
  await orchestrator.engine.alerts.raise(alert, 'test');
  await post('/notifications/test', '{}');
  const { answers: judgements, ...release } = await judged();
  const { answer: deployment, rolloutId } = await deployed(release.releaseId);
  const places: Record<string, string> = { ...release, rolloutId, runId: id, otherId: id };
  Object.assign(places, { workflowId: 'help', agentId: 'helper' });
  const open = ROUTES.filter(({ method, path }) => method === 'get' && !path.endsWith('/events'));
  const paths = open.map(({ path }) => path.replace(/:(\w+)/g, (_, name: string) => places[name] ?? 'other'));
  const answers = await Promise.all(paths.map(async (path) => ({ path, ...(await ask(path)) })));
  for (const answer of [...answers, ...refused, started, ...judgements, deployment]) {
    expect(JSON.stringify(answer)).not.toMatch(CANARY);
    expect(JSON.stringify(answer)).not.toContain(SIGNING);
  }
  // Vacuous otherwise: most of them answered.
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(45);
  const byPath = (end: string) => answers.find(({ path }) => path.endsWith(end));
  for (const end of [`/runs/${id}`, `/rollouts/${rolloutId}`, `/evidence/${release.sha256}`, '/verdicts'])
    expect([end, byPath(end)?.status]).toEqual([end, 200]);
  const isTold = (line: string) => line.includes('"channel":"slack"');
  await until(() => lines.some(isTold), { what: 'a line about a channel that fails' });
  for (const line of lines) expect(line).not.toMatch(CANARY);
  const record = await database();
  const found = [CANARY, HEX].map((canary) => canary.exec(record)?.index).filter((at) => at !== undefined);
  expect(found.map((at) => record.slice(Math.max(0, at - 300), at + 100))).toEqual([]);
});

/** The whole record as text. */
async function database(): Promise<string> {
  const client = new Client({ connectionString: world.databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'reveille' AND table_type = 'BASE TABLE'",
    );
    let text = '';
    for (const { name } of rows) {
      const found = await client.query<{ row: string }>(`SELECT t::text AS row FROM reveille.${name} t`);
      text += found.rows.map(({ row }) => `${name}: ${row}`).join('\n');
    }
    const isThere = (name: string) => text.includes(`${name}: (`);
    expect(['ledger', 'inbox_deliveries', 'alerts', 'notifications'].map(isThere)).not.toContain(false);
    return text;
  } finally {
    await client.end();
  }
}

it('are told by the line that a run ended, with the ids by which it is found', () => {
  const ended = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const line = ended.find(({ msg }) => msg === 'run succeeded');
  expect(line).toMatchObject({ workflow: 'help', status: 'succeeded' });
  expect(line?.['traceId']).toBe(traceIdOf(String(line?.['run'])));
  expect(ended.find(({ msg }) => msg === 'attempt succeeded')).toMatchObject({
    run: line?.['run'],
    step: 'do',
  });
});

describe('a line of the log', () => {
  const written = (fields: object, message: string, env: Record<string, string>) => {
    const out: string[] = [];
    createLog({ level: 'info', env, to: { write: (line) => void out.push(line) } }).info(fields, message);
    return out.join('');
  };

  it('has no secret, however it is spelled and wherever it is', () => {
    const env = {
      DATABASE_URL: 'postgres://user:p%40ss"word1@host/db',
      CC_AGENT_SECRET_HELPER: 'first-secret-0123,second-secret-4567',
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abcdef012345',
    };
    const line = written(
      {
        err: new Error('connect to postgres://user:p%40ss"word1@host/db failed for p@ss"word1'),
        headers: { authorization: 'Bearer abcdef012345' },
      },
      'tried second-secret-4567 at http://x/webhook?token=abc.def',
      env,
    );
    expect(line).not.toMatch(/ss\\?"?word1|second-secret|abcdef012345|abc\.def/);
    expect(line).toContain('«redacted»');
    expect(JSON.parse(line)).toMatchObject({ level: 30 });
  });

  it('leaves words alone that are shorter than a secret may be', () => {
    expect(secretsOf({ CC_PASSWORD: 'run' })).toEqual([]);
  });
});
