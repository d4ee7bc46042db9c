/** Redeploys, from the API to the platform's build and back: real processes, the driver of production. */
import { copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import type { LedgerEntry } from '../../src/domain/ledger';
import { redeployCommand } from '../../src/cli/redeploy';
import { acts, allAsleep, capsuleIs, ended, stepIs, succeeded, trigger } from '../e2e/support/runs';
import { capsuleIdOf, World } from '../e2e/support/world';
import { temporaryFolder } from '../support/folders';
import { until } from '../support/until';

const AGENT = join(__dirname, '../e2e/support/agent');
/** Builds when the test says, and fails when it says so. */
const BUILD = `
  const { existsSync, readFileSync, writeFileSync } = require('node:fs');
  const gate = readFileSync('gate', 'utf8');
  writeFileSync(gate + '.waiting', '');
  const timer = setInterval(() => {
    // A file that is being written is there before its text.
    const word = existsSync(gate) && readFileSync(gate, 'utf8');
    if (!word) return;
    clearInterval(timer);
    console.log('this is build ' + word);
    if (word === 'broken') process.exit(1);
  }, 5);`;

interface Answer {
  status: number;
  location: string | null;
  body: Record<string, unknown> & { buildId: string };
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let world: World;
let orchestrator: Orchestrator;
let gate: string;

async function begin(): Promise<void> {
  folder = await temporaryFolder();
  gate = join(folder.path, 'gate.open');
  for (const name of ['Procfile', 'agent.js']) await copyFile(join(AGENT, name), join(folder.path, name));
  await writeFile(join(folder.path, 'build.js'), BUILD);
  await writeFile(join(folder.path, 'gate'), gate);
  await writeFile(join(folder.path, 'package.json'), '{"scripts":{"build":"node build.js"}}');
  world = await World.start({
    agents: [{ id: 'alpha', folder: folder.path }],
    workflows: [{ id: 'one', name: 'One', steps: [{ id: 'do-alpha', agent: 'alpha', timeoutSeconds: 30 }] }],
  });
  orchestrator = await world.orchestrate();
}

async function end(): Promise<void> {
  await world.close();
  await folder.remove();
}

async function call(method: string, path: string, body?: unknown, key?: string): Promise<Answer> {
  const response = await fetch(`${orchestrator.url}${path}`, {
    method,
    headers: {
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { 'idempotency-key': key }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    location: response.headers.get('location'),
    body: (await response.json()) as Answer['body'],
  };
}

const redeploy = (body?: object, key?: string) => call('POST', '/agents/alpha/redeploy', body, key);

/** Waits until a build has a status. */
const buildIs = (buildId: string, status: string) =>
  until(async () => (await call('GET', `/agents/alpha/builds/${buildId}`)).body['status'] === status, {
    what: `build ${buildId} ${status}`,
  });

async function entries(): Promise<LedgerEntry[]> {
  const all = (await orchestrator.store.ledger(0, 1_000)).map(({ body }) => JSON.parse(body) as LedgerEntry);
  return all.filter(({ entity }) => entity === 'redeploy');
}

describe('POST /agents/:agentId/redeploy', () => {
  beforeEach(begin);
  afterEach(end);

  it('starts a build that can be followed to its end, and writes down who asked', async () => {
    const { status, location, body } = await redeploy();
    expect(status).toBe(202);
    expect(body).toMatchObject({ agentId: 'alpha', capsuleId: capsuleIdOf('alpha'), finishedAt: null });
    expect(['queued', 'building']).toContain(body['status']);
    expect(location).toBe(`/agents/alpha/builds/${body.buildId}`);
    await buildIs(body.buildId, 'building');
    await writeFile(gate, 'good');
    await buildIs(body.buildId, 'succeeded');
    const { body: detail } = await call('GET', `${location}?logLines=1`);
    expect(detail).toMatchObject({ deployed: true, log: ['this is build good'] });
    expect(detail['finishedAt']).toEqual(expect.stringMatching(/Z$/));
    expect((await call('GET', '/agents/alpha/builds')).body['items']).toMatchObject([
      { buildId: body.buildId, status: 'succeeded' },
    ]);
    expect(await entries()).toMatchObject([
      { actor: 'local', action: 'redeploy.asked', set: { agentId: 'alpha', force: false } },
      { actor: 'local', action: 'redeploy.started', set: { status: 'started', buildId: body.buildId } },
    ]);
    // The agent works as before, on the new version.
    await succeeded(orchestrator, await trigger(orchestrator, 'one'));
    await allAsleep(world, orchestrator);
  });

  it('shows a failed build, with the end of its log', async () => {
    await writeFile(gate, 'broken');
    const { body } = await redeploy();
    await buildIs(body.buildId, 'failed');
    const { body: detail } = await call('GET', `/agents/alpha/builds/${body.buildId}?logLines=2`);
    expect(detail['log']).toEqual(['this is build broken', expect.stringContaining('ended with 1')]);
    // The version before still works.
    await succeeded(orchestrator, await trigger(orchestrator, 'one'));
  });

  it('starts one build for one key, whoever is asked and however often', async () => {
    const other = await world.orchestrate();
    const first = await redeploy({}, 'deploy-1');
    const again = await redeploy({}, 'deploy-1');
    expect([first.status, again.status]).toEqual([202, 200]);
    expect(again.body.buildId).toBe(first.body.buildId);
    await world.stop(orchestrator);
    orchestrator = other; // As after a restart: the build is followed by its id.
    expect(await redeploy({}, 'deploy-1')).toMatchObject({
      status: 200,
      body: { buildId: first.body.buildId },
    });
    const reused = await redeploy({ force: true }, 'deploy-1');
    expect(reused).toMatchObject({ status: 409, body: { code: 'idempotency-key-reused' } });
    await writeFile(gate, 'good');
    await buildIs(first.body.buildId, 'succeeded');
    expect(world.platform.counters.builds).toBe(1);
  });

  it('starts one build for many requests at once', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => redeploy()));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409, 409]);
    expect(world.platform.counters.builds).toBe(1);
  });

  it('refuses while a build is under way, and names it', async () => {
    const { body } = await redeploy();
    expect(await redeploy()).toMatchObject({
      status: 409,
      body: { code: 'build-under-way', buildId: body.buildId },
    });
    await writeFile(gate, 'good');
    await buildIs(body.buildId, 'succeeded');
    expect((await redeploy()).status).toBe(202);
  });

  it('does not interrupt a job, unless it is told to', async () => {
    const runId = await trigger(orchestrator, 'one', acts({ 'do-alpha': ['hold', 'succeed'] }));
    await stepIs(orchestrator, runId, 'do-alpha', 'running');
    await world.worked({ event: 'job', runId });
    const refused = await redeploy({}, 'one-key');
    expect(refused).toMatchObject({ status: 409, body: { code: 'agent-at-work' } });
    expect(await entries()).toEqual([]);
    expect(world.platform.counters.builds).toBe(0);

    await world.release('alpha', runId, 'do-alpha');
    await ended(orchestrator, runId);
    await capsuleIs(orchestrator, 'alpha', 'asleep');
    // What was refused used up no key.
    expect((await redeploy({}, 'one-key')).status).toBe(202);
  });

  it('lets the new version take over at once when it is forced', async () => {
    const runId = await trigger(orchestrator, 'one', acts({ 'do-alpha': 'hold' }));
    await world.worked({ event: 'job', runId });
    await writeFile(gate, 'good');
    const { status, body } = await redeploy({ force: true });
    expect(status).toBe(202);
    await buildIs(body.buildId, 'succeeded');
    // The job went with the process: the attempt is lost, which is seen, and not silent.
    const run = await ended(orchestrator, runId);
    expect(run.status).toBe('failed');
    expect((await entries())[0]).toMatchObject({ set: { force: true } });
  });

  it('finds the build whose answer was lost, and starts no second one', async () => {
    world.platform.faults.set({ buildAnswerLost: 1 });
    const { status, body } = await redeploy();
    expect(status).toBe(202);
    expect(body.buildId).not.toBe('');
    expect(world.platform.counters.builds).toBe(1);
  });

  it('says so when it is not known whether one began; the same key never starts another', async () => {
    world.platform.faults.set({ buildLost: 1 });
    const first = await redeploy({}, 'lost');
    expect(first).toMatchObject({ status: 502, body: { code: 'build-uncertain' } });
    expect(await redeploy({}, 'lost')).toMatchObject({ status: 502, body: { code: 'build-uncertain' } });
    expect(world.platform.counters.builds).toBe(0);
    // A build that shows up later is the one that was asked for.
    const late = await call('POST', '/agents/alpha/redeploy', {}, 'another');
    expect(late.status).toBe(202);
    const found = await redeploy({}, 'lost');
    expect(found).toMatchObject({ status: 200, body: { buildId: late.body.buildId } });
    expect(world.platform.counters.builds).toBe(1);
    expect((await entries()).map(({ action }) => action)).toEqual([
      'redeploy.asked',
      'redeploy.uncertain',
      'redeploy.asked',
      'redeploy.started',
      'redeploy.started',
    ]);
  });

  it('passes on what the platform refuses, and keeps no key for it', async () => {
    world.platform.faults.set({ serverError: { times: 1_000, status: 500 } });
    const refused = await redeploy({}, 'k');
    expect(refused).toMatchObject({ status: 502, body: { code: 'platform-refused' } });
    expect(refused.body['detail']).toContain('was answered 500');
    expect(JSON.stringify(refused.body)).not.toContain(world.platform.token);
    world.platform.faults.clear();
    expect((await redeploy({}, 'k')).status).toBe(202);
  });
});

/** Nothing of it changes anything: one installation is enough for all. */
describe('what is refused', () => {
  beforeAll(begin);
  afterAll(end);

  it.each([
    ['POST', '/agents/nobody/redeploy', 404, 'agent-not-found'],
    ['GET', '/agents/nobody/builds', 404, 'agent-not-found'],
    ['GET', '/agents/alpha/builds/nothing', 404, 'build-not-found'],
    ['GET', '/agents/alpha/builds/nothing?logLines=501', 400, 'invalid-request'],
  ])('%s %s is %d %s', async (method, path, status, code) => {
    expect(await call(method, path)).toMatchObject({ status, body: { code } });
  });

  it('takes no field it does not know', async () => {
    expect(await redeploy({ froce: true })).toMatchObject({ status: 400, body: { code: 'invalid-request' } });
  });

  it('tells why where it was asked on the command line', async () => {
    const asked = redeployCommand().parseAsync(['nobody', '--url', orchestrator.url], { from: 'user' });
    await expect(asked).rejects.toThrow('There is no such agent (HTTP 404, agent-not-found).');
  });
});

describe('without a platform that builds', () => {
  beforeEach(begin);
  afterEach(end);

  it('says what to set', async () => {
    await world.stop(orchestrator);
    orchestrator = await world.orchestrate({ env: { CC_API_URL: '', CC_CLUSTER_URL: '', CC_API_TOKEN: '' } });
    expect(await redeploy()).toMatchObject({ status: 501, body: { code: 'builds-unsupported' } });
    await world.stop(orchestrator);
    orchestrator = await world.orchestrate({ env: { CC_CLUSTER_URL: '' } });
    const { status, body } = await redeploy();
    expect([status, body['code']]).toEqual([502, 'platform-refused']);
    expect(body['detail']).toContain('CC_CLUSTER_URL is not set');
  });
});

describe('reveille redeploy', () => {
  let printed: string[];
  let errors: string[];
  beforeEach(begin);
  afterEach(end);
  beforeEach(() => {
    printed = [];
    errors = [];
    jest.spyOn(process.stdout, 'write').mockImplementation((text) => printed.push(String(text)) > 0);
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => errors.push(String(text)) > 0);
  });
  afterEach(() => {
    jest.restoreAllMocks();
    process.exitCode = 0;
  });

  const cli = (...args: string[]) =>
    redeployCommand().parseAsync([...args, '--url', orchestrator.url], { from: 'user' });

  it('starts a build and says how to follow it', async () => {
    await cli('alpha');
    const [, buildId = ''] = /^alpha {2}build (\S+) {2}(queued|building)$/m.exec(printed.join('')) ?? [];
    expect(printed.join('')).toContain(
      `Follow it with: reveille redeploy alpha --build ${buildId} --url ${orchestrator.url}`,
    );
    await writeFile(gate, 'good');
    await cli('alpha', '--build', buildId);
    expect(printed.join('')).toContain(`build ${buildId}  succeeded`);
    expect(process.exitCode).toBe(0);
  });

  it('waits, and ends with 1 and the log of a build that failed', async () => {
    await writeFile(gate, 'broken');
    await cli('alpha', '--wait');
    expect(printed.join('')).toMatch(/failed {2}\d+ s\n$/);
    expect(errors.join('')).toContain('  this is build broken\n');
    expect(errors.join('')).toContain('What was deployed before stays.');
    expect(process.exitCode).toBe(1);
  });

  it('gives up following after its time, and the build goes on', async () => {
    await expect(cli('alpha', '--wait', '--timeout', '1')).rejects.toThrow('it goes on');
    const [build] = (await call('GET', '/agents/alpha/builds')).body['items'] as Array<{ status: string }>;
    expect(['queued', 'building']).toContain(build?.status);
  });

  it('prints JSON for programs', async () => {
    await writeFile(gate, 'good');
    await cli('alpha', '--wait', '--json');
    expect(JSON.parse(printed.join(''))).toMatchObject({ agentId: 'alpha', status: 'succeeded' });
  });
});
