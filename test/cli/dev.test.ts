/** `reveille dev` as somebody uses it who writes a workflow: real processes, its own Postgres, changes of files. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { useProcesses, type TestProcess } from '../support/processes';
import { until } from '../support/until';

const CLI = resolve(__dirname, '../../dist/cli/index.js');
/** A busy machine takes its time for a database and a process each. */
jest.setTimeout(120_000);
const START_MS = 60_000;

const processes = useProcesses();
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder.remove());
const at = (...parts: string[]): string => join(folder.path, ...parts);

/** An agent that is built by copying it. */
const source = (greeting: string): string => `
  const { createServer } = require('node:http');
  createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    res.writeHead(req.method === 'POST' ? 202 : 200, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ status: 'ok', accepted: true }));
    if (req.url !== '/run') return;
    const { workflowId, stepId, runId, config } = JSON.parse(Buffer.concat(chunks).toString());
    const output = { greeting: ${JSON.stringify(greeting)}, colour: process.env.COLOUR };
    const result = { workflowId, stepId, runId, status: 'success', output, durationMs: 1 };
    const headers = { 'content-type': 'application/json' };
    await fetch(config.webhookUrl, { method: 'POST', headers, body: JSON.stringify(result) });
  }).listen(Number(process.env.PORT));`;

const workflow = (id: string) => ({ id, name: id, steps: [{ id: 'greet', agent: 'hello' }] });
const writeRegistry = (...ids: string[]): Promise<void> => {
  const agent = { id: 'hello', name: 'Hello', capsuleId: 'anywhere', baseUrl: 'http://localhost:1' };
  const registry = { agents: [{ ...agent, lingerSeconds: 0 }], workflows: ids.map(workflow) };
  return writeFile(at('registry.json'), JSON.stringify(registry));
};

async function writeAgent(): Promise<void> {
  await mkdir(at('agents', 'hello'), { recursive: true });
  await mkdir(at('agents', '_template'), { recursive: true });
  const build = `node -e "fs.copyFileSync('agent.src.js', 'built.js')"`;
  await writeFile(at('agents', 'hello', 'Procfile'), 'web: node built.js\n');
  await writeFile(at('agents', 'hello', '.env'), 'COLOUR=red\n');
  await writeFile(at('agents', 'hello', 'package.json'), JSON.stringify({ scripts: { build } }));
  for (const name of ['agent.src.js', 'built.js'])
    await writeFile(at('agents', 'hello', name), source('first'));
}

const Run = z.object({ status: z.string(), steps: z.array(z.object({ output: z.unknown() })) });

/** Runs a workflow to its end, and answers what its step delivered. */
async function ran(url: string, id: string): Promise<unknown> {
  const started = await fetch(`${url}/workflows/${id}/runs`, { method: 'POST' });
  const { id: runId } = (await started.json()) as { id: string };
  const over = async () => {
    const run = Run.parse(await (await fetch(`${url}/runs/${runId}`)).json());
    return run.status === 'succeeded' && run;
  };
  return (await until(over, { what: `the end of a run of ${id}`, deadlineMs: 30_000 })).steps[0]?.output;
}

const asleepAgain = (dev: TestProcess, count: number) =>
  until(() => (dev.output().match(/hello {2}asleep/g) ?? []).length >= count, { what: 'the capsule asleep' });

it('runs workflows, tells what happens, and takes up changes of agents and of the registry', async () => {
  await writeAgent();
  await writeRegistry('greet');
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const options = ['--agents', at('agents'), '--registry', at('registry.json'), '--data-dir', at('data')];
  const dev = await processes.start(process.execPath, [CLI, 'dev', '--port', String(port), ...options], {
    env: { NO_COLOR: '1', DATABASE_URL: undefined, REDIS_URL: undefined, API_KEYS: undefined },
  });
  await dev.waitFor(/ready after .*: 1 agent at zero replicas, 1 workflow$/m, START_MS);
  await dev.waitFor(/Ctrl-C stops all/, START_MS);
  expect(dev.output()).toContain(`try: npx reveille run greet --url ${url} --watch\n`);

  expect(await ran(url, 'greet')).toEqual({ greeting: 'first', colour: 'red' });
  await asleepAgain(dev, 1);
  const lines = dev.output().replace(/\d\d:\d\d:\d\d {2}[0-9a-f]{8}/g, '<run>');
  expect(lines).toMatch(/^<run> greet {2}greet {2}result {2}success after [\d.]+ s of work$/m);
  expect(lines).toMatch(/^<run> greet {2}succeeded$/m);

  await writeFile(at('agents', 'hello', 'agent.src.js'), source('second'));
  await dev.waitFor(/hello: agent\.src\.js changed, built in [\d.]+ s; the next shift runs it/);
  expect(await ran(url, 'greet')).toMatchObject({ greeting: 'second' });

  await writeFile(at('registry.json'), '{"agents": [], "workflows": [{"id": "Not A Name"}]}');
  await dev.waitFor(/the registry has mistakes:[^]*the version before goes on; waiting for a change/);
  await writeRegistry('greet', 'another');
  await dev.waitFor(/1 agent at zero replicas, 2 workflows/, START_MS);
  expect(await ran(url, 'another')).toMatchObject({ greeting: 'second' });

  const postmaster = await readFile(at('data', 'postgres', 'cluster', 'postmaster.pid'), 'utf8');
  dev.killAlone('SIGINT');
  expect((await dev.exited).code).toBe(0);
  expect(dev.output()).toContain('stopping…');
  // Nothing of it is left, the database neither.
  expect(() => process.kill(Number(postmaster.split('\n')[0]), 0)).toThrow('ESRCH');
});

it('says what is wrong with its options', async () => {
  const dev = await processes.start(process.execPath, [CLI, 'dev', '--registry', at('nowhere.json')], {});
  expect((await dev.exited).code).toBe(2);
  expect(dev.output()).toMatch(/There is no file .*nowhere\.json/);
});
