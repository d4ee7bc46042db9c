/** The seven-day protocol as it is shipped: it runs by the calendar, binds what agents may do, and is judged. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentRunResult } from '../../src/contract';
import { until } from '../support/until';
import { startApi, type Api } from './support/api';

const POLICY = JSON.parse(readFileSync(join(__dirname, '../../policies/seven-day.json'), 'utf8')) as {
  name: string;
};
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Sweeps come oftener than what counts as a downtime. */
const STEP = 4 * 60_000;

const agent = (id: string, more: object = {}) => ({
  ...{ id, name: id, capsuleId: `cap-${id}`, baseUrl: 'http://localhost:3102', lingerSeconds: 0 },
  ...more,
});
const REGISTRY = {
  agents: [agent('writer', { oversight: { mode: 'by-rule' }, maxActionsPerDay: 40 }), agent('plain')],
  workflows: [{ id: 'single', name: 'Single', steps: [{ id: 'only', agent: 'writer' }] }],
};

type Action = NonNullable<AgentRunResult['actions']>[number];
const action = (type: string, more: Partial<Action> = {}): Action => ({
  type,
  at: '2026-03-02T12:00:00Z',
  ...more,
});

describe('the seven-day protocol', () => {
  let api: Api;
  beforeEach(async () => {
    api = await startApi({ registry: { input: REGISTRY, env: {} } });
  });
  afterEach(() => api.close());

  const get = async <T>(path: string) => (await api.call('GET', path)).body as T;
  const begin = () => api.call('POST', '/protocols', { json: { policy: POLICY } });
  const newest = async () => {
    const { items } = await get<{ items: Array<Record<string, unknown>> }>('/protocols');
    return items[0] ?? {};
  };
  const found = async (criterion: string) => {
    const { findings } = (await newest()) as {
      findings: Array<{ criterion: string; verdict: string; text: string }>;
    };
    return findings.find((f) => f.criterion === criterion);
  };
  /** Lets time pass with an orchestrator at work. */
  const pass = async (ms: number) => {
    const end = api.clock.now() + ms;
    while (api.clock.now() < end) {
      api.clock.advance(Math.min(STEP, end - api.clock.now()));
      await api.engine.protocols.sweep();
    }
  };
  /** One task: proposed, approved by a person where a rule asks, and done. Answers the rules that asked. */
  const task = async (done: Partial<AgentRunResult>, did = done): Promise<string[]> => {
    const { body } = await api.startRun('single');
    const proposal = await api.cloud.nextJob();
    expect(proposal.config.dryRun).toBe(true);
    await api.deliver(proposal, done);
    const { id: runId } = body as unknown as { id: string };
    const { items } = await get<{ items: Array<{ id: string; rules: string[] }> }>(
      `/approvals?runId=${runId}`,
    );
    for (const { id } of items)
      await api.call('POST', `/approvals/${id}/decision`, { json: { verdict: 'approve' } });
    await api.deliver(await api.cloud.nextJob(), did);
    return items.flatMap(({ rules }) => rules);
  };
  const sure = 0.95;
  const capOfWriter = async () => {
    const { items } = await get<{ items: Array<{ id: string; allowed: string }> }>('/caps');
    return items.find(({ id }) => id === 'cap:agent:writer')?.allowed;
  };

  test('goes on by the calendar, from every action asked for to what is configured, and passes', async () => {
    expect((await begin()).status).toBe(201);
    expect(await newest()).toMatchObject({
      ...{ status: 'running', day: 1, phase: 'Supervised', agents: ['writer'], soFar: 'inconclusive' },
      endsAt: '2026-03-09T00:00:00.000Z',
    });
    for (let n = 0; n < 9; n += 1)
      expect(await task({ actions: [action('note')], confidence: sure })).toContain('supervised');
    await pass(DAY);
    expect(await task({ actions: [action('note')], confidence: sure })).toEqual(['supervised']);

    await pass(12 * HOUR);
    expect(await newest()).toMatchObject({ day: 3, phase: 'Semi-autonomous' });
    expect(await task({ actions: [action('note')], confidence: 0.85 })).toEqual([]);
    expect(await task({ actions: [action('note', { costUsd: 0.01 })], confidence: sure })).toEqual(['spend']);
    expect(await task({ actions: [action('email.send')], confidence: sure })).toEqual(['first-time', 'type']);
    expect(await task({ actions: [action('email.send')], confidence: sure })).toEqual(['type']);
    expect(await capOfWriter()).toBe('40');

    await pass(2 * DAY);
    expect(await newest()).toMatchObject({ day: 5, phase: 'Autonomous, tight thresholds' });
    expect(await task({ actions: [action('email.send', { costUsd: 1 })], confidence: 0.89 })).toEqual([
      'confidence',
    ]);
    expect(await capOfWriter()).toBe('20');

    await pass(2 * DAY);
    expect(await newest()).toMatchObject({ day: 7, phase: 'Production' });
    expect(await task({ actions: [action('email.send', { costUsd: 1 })], confidence: 0.89 })).toEqual([]);
    expect(await capOfWriter()).toBe('40');

    await pass(DAY);
    expect(await newest()).toMatchObject({ status: 'pass', soFar: 'pass', day: null });
    expect(await get('/agents/writer/oversight')).toMatchObject({
      level: 'autonomous',
      reason: 'protocol "Seven-day stability test" ended: pass',
    });
    const told = (await api.store.ledger(0, 10_000)).map(
      ({ body }) => (JSON.parse(body) as { action: string }).action,
    );
    expect(told.filter((a) => a.startsWith('protocol.'))).toEqual([
      'protocol.started',
      ...['protocol.phase', 'protocol.phase', 'protocol.phase'],
      'protocol.ended',
    ]);
  });

  test('fails on an incident, and on time in which nothing was at work; the agent is supervised then', async () => {
    await begin();
    await task({ actions: [action('note')] });
    await pass(2 * DAY);
    await task({ actions: [action('note')] }, { actions: [action('note'), action('note')] });
    expect(await found('incidents')).toMatchObject({ verdict: 'fail', text: '1 of at most 0, by writer.' });
    // From then on every action is asked for, whatever the phase.
    expect(await task({ actions: [action('note')] })).toEqual(['supervised']);
    api.clock.advance(HOUR);
    await pass(5 * DAY);
    expect(await newest()).toMatchObject({ status: 'fail' });
    expect((await found('downtime'))?.text).toMatch(/^3840 s of unplanned downtime in 1 gaps/);
    expect(await get('/agents/writer/oversight')).toMatchObject({
      level: 'supervised',
      reason: 'protocol "Seven-day stability test" ended: fail',
    });
  });

  test('a switch over everything is no unplanned downtime', async () => {
    await begin();
    const held = api.call('POST', '/switches', { json: { scope: 'global', message: 'moving house' } });
    await until(async () => (await api.store.switches({ on: true }, 1)).items.length > 0);
    const moved = setInterval(() => api.clock.advance(1_000), 1);
    await held.finally(() => clearInterval(moved));
    api.clock.advance(HOUR);
    await pass(STEP);
    expect(await newest()).toMatchObject({ downtimes: [] });
  });

  test('one runs at a time, for agents that are overseen, until a person stops it', async () => {
    const policy = { ...POLICY, phases: [{ name: 'A', days: 1, mode: 'supervised' }] };
    const start = (json: object) => api.call('POST', '/protocols', { json });
    expect(await start({ policy, agents: ['plain'] })).toMatchObject({
      status: 409,
      body: { code: 'not-overseen' },
    });
    expect((await start({ policy: { ...policy, phases: [] } })).status).toBe(400);
    const { body } = await start({ policy });
    expect(await begin()).toMatchObject({ status: 409, body: { code: 'protocol-running' } });
    const path = `/protocols/${(body as unknown as { id: string }).id}`;
    for (let n = 0; n < 2; n += 1)
      expect(await api.call('POST', `${path}/stop`, { json: { reason: 'enough' } })).toMatchObject({
        status: 200,
        body: { status: 'stopped' },
      });
    expect(await api.call('GET', path)).toMatchObject({
      status: 200,
      body: { status: 'stopped', phase: null },
    });
    expect(
      (await api.call('GET', `/protocols/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}`)).status,
    ).toBe(404);
    const keyed = (more: object = {}) =>
      api.call('POST', '/protocols', {
        json: { policy: { ...policy, ...more } },
        headers: { 'idempotency-key': 'k' },
      });
    expect(await keyed()).toMatchObject({ status: 201, body: { status: 'running' } });
    expect(await keyed()).toMatchObject({ status: 200, body: { status: 'running' } });
    expect(await keyed({ name: 'Other' })).toMatchObject({
      status: 409,
      body: { code: 'idempotency-key-reused' },
    });
    expect(await get<{ items: unknown[] }>('/protocols')).toHaveProperty('items.length', 2);
  });
});
