/** The Postman collection: complete, up to date, without secrets, and run by newman against the real thing. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { collection, environment, postmanFiles } from '../../src/cli/postman';
import type { Folder, Item } from '../../src/cli/postman/format';
import type { Orchestrator } from '../../src/compose';
import { openApiDocument } from '../../src/http/openapi';
import { ROUTES } from '../../src/http/routes';
import { World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { startProcess, type TestProcess } from '../support/processes';
import { until } from '../support/until';

const ROOT = join(__dirname, '../..');
const NEWMAN = require.resolve('newman/bin/newman.js');
const NEWMAN_TIMEOUT_MS = 50_000;

const items = (folders: Array<Folder | Item>): Item[] =>
  folders.flatMap((each) => ('item' in each ? items(each.item) : [each]));
const all = items(collection().item);
const called = ({ request: { method, url } }: Item): string =>
  `${method} /${url.path.join('/').replace(/:(\w+)/g, '{$1}')}`;

describe('the collection', () => {
  it('has a request for every route', () => {
    const { paths } = openApiDocument(ROUTES) as { paths: Record<string, object> };
    const routes = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const ofApi = items((collection().item[2] as Folder).item).map(called);
    expect(routes.length).toBeGreaterThan(20);
    expect(routes.filter((route) => !ofApi.includes(route))).toEqual([]);
  });

  it('takes in a route that is new, without a word of its own about it', () => {
    const document = openApiDocument([
      ...ROUTES,
      { ...(ROUTES.find((r) => r.path === '/runs/:runId') as (typeof ROUTES)[number]), path: '/moons/:moonId', operationId: 'getMoon', tag: 'moons' },
    ]);
    const made = items(collection(document as never).item).find((each) => called(each) === 'GET /moons/{moonId}');
    expect(made?.event?.at(-1)?.script.exec.join('\n')).toContain("pm.test('answers 200 or ");
  });

  it('tests the answer of each request', () => {
    const untested = all.filter(({ event }) => !event?.some((e) => e.script.exec.join('').includes('pm.test(')));
    expect(untested.map(({ name }) => name)).toEqual([]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('uses no variable that nobody sets', () => {
    const known = [...collection().variable, ...environment().values].map(({ key }) => key);
    const used = [...JSON.stringify(collection()).matchAll(/\{\{([^}$]+)\}\}/g)].map(([, name]) => String(name));
    expect([...new Set(used)].filter((name) => !known.includes(name))).toEqual([]);
  });

  it.each(Object.entries(postmanFiles()))('%s is what the generator gives (npm run postman)', (path, text) => {
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(text);
  });

  it('holds no secret: those are variables of that type, and empty', () => {
    const { values } = environment();
    const secrets = values.filter(({ key }) => /key|secret|token|password/i.test(key));
    expect(secrets).toEqual([{ key: 'apiKey', value: '', type: 'secret', enabled: true }]);
    expect(JSON.stringify(collection().auth)).toContain('{{apiKey}}');
  });
});

interface Report {
  run: {
    stats: { requests: { total: number }; assertions: { total: number } };
    failures: Array<{ source?: { name: string }; error: { test?: string; message: string } }>;
  };
}

describe('newman', () => {
  const API_KEY = 'a-key-of-this-test-0123456789';
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let world: World;
  let orchestrator: Orchestrator;
  let alone: TestProcess;
  let agentUrl: string;

  beforeAll(async () => {
    folder = await temporaryFolder();
    // The scaffold as it is built; a folder of its own has no build command, so that a redeploy is quick.
    const entry = join(ROOT, 'agents/_template/dist/index.js');
    await writeFile(join(folder.path, 'Procfile'), `web: node ${entry}\n`);
    world = await World.start({
      agents: [{ id: 'alpha', folder: folder.path }],
      workflows: [{ id: 'greet', name: 'Greet', steps: [{ id: 'hello', agent: 'alpha', timeoutSeconds: 30 }] }],
    });
    orchestrator = await world.orchestrate({ env: { API_KEYS: API_KEY, HOST: '127.0.0.1', INBOX: 'on' } });
    const port = await freePort();
    alone = await startProcess(process.execPath, [entry], { env: { PORT: String(port), AGENT_MODE: 'api', REDIS_URL: undefined } });
    agentUrl = `http://127.0.0.1:${port}`;
    const answers = () =>
      fetch(`${agentUrl}/health`).then(
        (response) => response.ok,
        () => false,
      );
    await until(answers, { what: 'the agent in isolation' });
  });

  afterAll(async () => {
    await alone.stop();
    await world.close();
    await folder.remove();
  });

  async function newman(variables: Record<string, string>, ...args: string[]): Promise<Report['run']> {
    const report = join(folder.path, 'report.json');
    const file = join(folder.path, 'environment.json');
    const { values, ...rest } = environment();
    const set = values.map((each) => ({ ...each, value: variables[each.key] ?? each.value }));
    await writeFile(file, JSON.stringify({ ...rest, values: set }));
    const collectionFile = join(ROOT, 'postman/reveille.postman_collection.json');
    const reporters = ['--reporters', 'json', '--reporter-json-export', report];
    const command = [NEWMAN, 'run', collectionFile, '-e', file, ...reporters, ...args];
    // It ends with 1 when a test failed; the report says which.
    await new Promise<void>((resolve) => {
      execFile(process.execPath, command, { timeout: NEWMAN_TIMEOUT_MS }, () => resolve());
    });
    return (JSON.parse(await readFile(report, 'utf8')) as Report).run;
  }

  const here = () => ({
    orchestratorUrl: orchestrator.url,
    agentUrl,
    workflowId: 'greet',
    agentId: 'alpha',
    apiKey: API_KEY,
    redeploy: 'yes',
  });

  const failed = ({ failures }: Report['run']): string[] =>
    failures.map(({ source, error }) => `${source?.name}: ${error.test ?? ''} ${error.message}`);

  it('runs all of it against an orchestrator and an agent, without a failure', async () => {
    const run = await newman(here());
    expect(failed(run)).toEqual([]);
    // Polls are requests too; the stream is left out.
    expect(run.stats.requests.total).toBeGreaterThanOrEqual(all.length - 1);
    expect(run.stats.assertions.total).toBeGreaterThan(all.length);
  });

  it.each([
    ['no', 0],
    ['yes', 1],
  ])('redeploys only where it is wanted: %s', async (redeploy, builds) => {
    // While the agent works a redeploy is refused.
    const idle = async () => (await orchestrator.store.capsules()).every(({ activity }) => activity.held === 0);
    await until(idle, { what: 'the end of the jobs' });
    const before = world.platform.counters.builds;
    const run = await newman({ ...here(), redeploy }, '--folder', 'agents');
    expect(failed(run)).toEqual([]);
    expect(world.platform.counters.builds - before).toBe(builds);
  });

  it('fails where the agent does not answer', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`;
    const run = await newman({ ...here(), agentUrl: nobody }, '--folder', 'Agent in isolation');
    expect(failed(run).join('\n')).toContain('ECONNREFUSED');
  });

  it('fails where the key is wrong', async () => {
    const run = await newman({ ...here(), apiKey: 'another' }, '--folder', 'workflows');
    expect(failed(run).join('\n')).toContain('expected 401 to be one of');
  });
});
