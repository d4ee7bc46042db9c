/** The platform's API and people's channels freeze, stop and come back under load: runs wait, nothing is lost. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { useProcesses, type TestProcess } from '../support/processes';
import { until } from '../support/until';
import { allAsleep, begun, post, succeeded, trigger } from './support/runs';
import { World } from './support/world';

const once = { 'do-alpha#1': 1 };
const one = {
  id: 'one',
  name: 'One',
  steps: [{ id: 'do-alpha', agent: 'alpha', timeoutSeconds: 30 }],
};
const LOAD = 50;

describe('with a server in between', () => {
  const processes = useProcesses();
  let world: World;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeEach(async () => {
    folder = await temporaryFolder();
    const agents = [{ id: 'alpha', wakeTimeoutSeconds: 15, concurrency: 20 }];
    world = await World.start({ agents, workflows: [one] });
  });
  afterEach(async () => {
    await world.close();
    await folder.remove();
  });

  const server = async (port: number, target: string): Promise<TestProcess> => {
    const child = await processes.startScript(join(__dirname, 'support/relay.js'), [String(port), target]);
    await child.waitFor(/^up$/m);
    return child;
  };
  const checks = async ({ url }: Orchestrator) => {
    const response = await fetch(`${url}/ready`, { headers: { connection: 'close' } });
    const { checks: seen } = (await response.json()) as { checks: { platform: string; notifier: string } };
    return { status: response.status, ...seen };
  };
  const figure = async ({ url }: Orchestrator, name: string) => {
    const text = await (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
    return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const onRecord = async ({ store }: Orchestrator, action: string, id: string) =>
    (await store.searchLedger({ action, id }, 1)).items.length > 0;
  const load = (orchestrator: Orchestrator) =>
    Promise.all(Array.from({ length: LOAD }, () => trigger(orchestrator, 'one')));
  const allDone = async (orchestrator: Orchestrator, runIds: string[]) => {
    for (const id of runIds) {
      await succeeded(orchestrator, id, 60_000);
      expect(begun(world, id)).toEqual(once);
    }
  };

  test('the platform frozen, then stopped and started again: runs hold with the reason, and go on', async () => {
    const port = await freePort();
    const target = new URL(world.platform.url).port;
    const relay = await server(port, target);
    const url = `http://127.0.0.1:${port}`;
    const orchestrator = await world.orchestrate({
      env: { CC_API_URL: url, CC_CLUSTER_URL: url },
      limits: { outageLookMs: 200 },
    });
    await allDone(orchestrator, [await trigger(orchestrator, 'one')]);
    await allAsleep(world, orchestrator);
    expect(await checks(orchestrator)).toMatchObject({ status: 200, platform: 'ok' });

    relay.kill('SIGSTOP');
    const frozen = await load(orchestrator);
    const unanswered = async () => (await checks(orchestrator)).platform !== 'ok';
    try {
      await until(unanswered, { what: 'a platform that does not answer', deadlineMs: 15_000 });
      expect(await checks(orchestrator)).toMatchObject({ status: 200 });
      expect(frozen.flatMap((id) => world.work(id))).toEqual([]);
    } finally {
      relay.kill('SIGCONT');
    }
    await allDone(orchestrator, frozen);
    await allAsleep(world, orchestrator);

    await relay.stop();
    const stopped = await load(orchestrator);
    await until(unanswered, { what: 'a platform that is gone', deadlineMs: 15_000 });
    await until(async () => (await figure(orchestrator, 'reveille_platform_up')) === 0);
    const why = await fetch(`${orchestrator.url}/runs/${stopped[0]}/why`, {
      headers: { connection: 'close' },
    });
    expect((await why.json()) as { why: string }).toHaveProperty(
      'why',
      expect.stringContaining('capsule-alpha'),
    );
    await until(() => onRecord(orchestrator, 'alert.raised', 'platform-away:platform'), {
      what: 'the outage on record',
    });
    await server(port, target);
    await allDone(orchestrator, stopped);
    await until(() => onRecord(orchestrator, 'alert.resolved', 'platform-away:platform'), {
      what: 'the end of the outage on record',
    });
    await allAsleep(world, orchestrator);
    expect(await checks(orchestrator)).toMatchObject({ platform: 'ok' });
    expect(await figure(orchestrator, 'reveille_platform_up')).toBe(1);
  });

  test('people cannot be told: messages queue, the work goes on, and they are told when it is back', async () => {
    const port = await freePort();
    const file = join(folder.path, 'told');
    const told = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    const receiver = await server(port, file);
    const env = { NOTIFY_SLACK_URL: `http://127.0.0.1:${port}/services/T/B/x` };
    const orchestrator = await world.orchestrate({ env });
    const off = (message: string) =>
      post<{ id: string }>(
        `${orchestrator.url}/switches`,
        { scope: 'environment', subject: 'test', message },
        200,
      );
    receiver.kill('SIGSTOP');
    try {
      const runIds = await load(orchestrator);
      const { id } = await off('frozen channel');
      await post(`${orchestrator.url}/switches/${id}/release`, {}, 200);
      await allDone(orchestrator, runIds);
      expect(await figure(orchestrator, 'reveille_notifications_waiting')).toBeGreaterThan(0);
      expect(told()).toBe('');
    } finally {
      receiver.kill('SIGCONT');
    }
    await until(() => told().includes('frozen channel'), { what: 'the message', deadlineMs: 40_000 });

    await receiver.stop();
    const runIds = await load(orchestrator);
    await post(`${orchestrator.url}/switches/${(await off('no channel')).id}/release`, {}, 200);
    await allDone(orchestrator, runIds);
    const failed = async () => /outcome="retry"[^}]*} [1-9]/.test(await metricsOf(orchestrator));
    await until(failed, { what: 'a try that failed', deadlineMs: 15_000 });
    const isDown = () => onRecord(orchestrator, 'alert.raised', 'channel-down:slack');
    await until(isDown, { what: 'the outage on record', deadlineMs: 30_000 });
    await server(port, file);
    await until(() => told().includes('no channel'), { what: 'the message', deadlineMs: 40_000 });
    await allAsleep(world, orchestrator);
  });

  const metricsOf = async ({ url }: Orchestrator) =>
    (await fetch(`${url}/metrics`, { headers: { connection: 'close' } })).text();
});
