/**
 * Who, what, before, after, why: the life of each kind of thing that the ledger tells of, so that none of its changes
 * leaves out what was before. The kinds and their actions are the types of the code: a new one without a life here
 * does not compile, and one whose entries do not say what was before fails.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoEntry } from '../../src/domain/approval/entry';
import { decideMemo, type Memo, type MemoEvent } from '../../src/domain/approval/memo';
import {
  BreakerSchema,
  breakerEntry,
  closedBreaker,
  decideBreaker,
  type BreakerEvent,
} from '../../src/domain/breaker';
import { stopEntry, type EmergencyStop } from '../../src/domain/guard/emergency-stop';
import { ledgerEntry, type LedgerEntry } from '../../src/domain/ledger';
import type { ChangeAction } from '../../src/domain/ledger/actions';
import { declareCapsules } from '../../src/engine/declare-capsules';
import { declareSchedule } from '../../src/engine/declare-schedule';
import { ApiKeys } from '../../src/http/auth';
import { writerRelease } from '../grpc/support';
import { startApi, type Api } from '../http/support/api';
import { text } from '../http/support/client';
import { missingBefores } from '../support/ledger-befores';
import { until } from '../support/until';

const ROOT = 'root-key-canary-7c1d0e5a';
const DAY = 86_400_000;
const POLICY = JSON.parse(readFileSync(join(__dirname, '../../policies/seven-day.json'), 'utf8')) as {
  phases: object[];
};

/** Where one function makes the entries of all its actions, from the state before and the one after. */
type OfOneFunction = `${'run' | 'capsule' | 'environment' | 'rollout'}.${string}`;
/** Proven where its platform builds, in redeploy.test.ts, whose world looks at its ledger when it is closed. */
type Elsewhere = `redeploy.${string}`;
type Action = Exclude<ChangeAction, OfOneFunction | Elsewhere>;
type EntityOf<A> = A extends `${infer Entity}.${string}` ? Entity : never;

/** `begins`: there may be nothing before it; `goes on`: some entry of it says what was. */
const ACTIONS: { [action in Action]: 'begins' | 'goes on' } = {
  ...{ 'alert.raised': 'goes on', 'alert.acknowledged': 'goes on', 'alert.resolved': 'goes on' },
  ...{ 'switch.closing': 'begins', 'switch.set': 'goes on' },
  ...{ 'switch.released': 'goes on', 'switch.expired': 'goes on' },
  ...{ 'approval.requested': 'begins', 'approval.voted': 'begins', 'approval.escalated': 'begins' },
  ...{ 'approval.approved': 'goes on', 'approval.rejected': 'goes on', 'approval.expired': 'goes on' },
  ...{ 'approval.revision-requested': 'goes on', 'approval.withdrawn': 'goes on' },
  ...{ 'emergency-stop.begun': 'begins', 'emergency-stop.revoked': 'begins' },
  ...{ 'emergency-stop.done': 'goes on', 'emergency-stop.released': 'goes on' },
  ...{ 'budget.declared': 'goes on', 'budget.set': 'goes on', 'budget.raised': 'goes on' },
  ...{ 'breaker.opened': 'goes on', 'breaker.half-opened': 'goes on' },
  ...{ 'breaker.closed': 'goes on', 'breaker.reset': 'goes on' },
  ...{ 'protocol.started': 'begins', 'protocol.phase': 'goes on' },
  ...{ 'protocol.down': 'goes on', 'protocol.ended': 'goes on' },
  ...{ 'oversight.promoted': 'goes on', 'oversight.supervised': 'goes on' },
  ...{ 'release.created': 'begins', 'release.judged': 'goes on' },
  ...{ 'key.created': 'begins', 'key.rotated': 'goes on', 'key.revoked': 'goes on' },
  ...{ 'session.opened': 'begins', 'session.ended': 'goes on' },
  ...{ 'capsule-setting.declared': 'goes on', 'schedule.declared': 'goes on' },
};

const agent = (id: string, more: object = {}) => ({
  ...{ id, name: id, capsuleId: `cap-${id}`, baseUrl: 'http://localhost:3102', lingerSeconds: 0 },
  ...more,
});
const REGISTRY = {
  agents: [
    agent('writer', { oversight: { mode: 'by-rule' }, budget: { perDayUsd: 5 }, maxActionsPerDay: 40 }),
  ],
  workflows: [{ id: 'single', name: 'Single', steps: [{ id: 'only', agent: 'writer' }] }],
};

let api: Api;
const post = async (path: string, json: object = {}, headers: object = {}) => {
  const answer = await api.call('POST', path, {
    headers: { Authorization: `Bearer ${ROOT}`, ...headers },
    json,
  });
  if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  return answer;
};
/** What is waited for by the clock, while that moves on. */
async function meanwhile<T>(waited: Promise<T>): Promise<T> {
  let done = false;
  const over = waited.finally(() => (done = true));
  // Whoever waits for it is told below.
  over.catch(() => undefined);
  await until(async () => {
    api.clock.advance(50);
    return done;
  });
  return over;
}
const ledger = async (): Promise<LedgerEntry[]> =>
  (await api.store.ledger(0, 10_000)).map(({ body }) => ledgerEntry(body));
const told = async (action: ChangeAction, times = 1): Promise<void> => {
  await until(async () => (await ledger()).filter((entry) => entry.action === action).length >= times, {
    what: `${times} × ${action}`,
  });
};
/** Midnights pass as they do where an orchestrator is at work. */
async function pass(ms: number, step = 4 * 60_000): Promise<void> {
  for (let gone = 0; gone < ms; gone += step) {
    api.clock.advance(Math.min(step, ms - gone));
    await api.engine.protocols.sweep();
  }
}
const note = (entries: Array<LedgerEntry | undefined>) =>
  api.store.commit({ at: api.clock.now(), ledger: entries.flatMap((entry) => entry ?? []) });

const LIVES: { [entity in EntityOf<ChangeAction> as Exclude<entity, 'redeploy'>]: () => Promise<void> } = {
  run: async () => {
    await api.startRun('single', { headers: { Authorization: `Bearer ${ROOT}` } });
    await api.deliver(await api.cloud.nextJob());
    await told('run.result');
  },
  capsule: () => told('capsule.healthy'),
  alert: async () => {
    const key = { kind: 'run-failed', subject: 'single' } as const;
    for (const message of ['first', 'again']) {
      await api.engine.alerts.raise({ ...key, message }, 'watchdog');
      const { items } = await api.store.alerts({ open: true }, 1);
      await post(`/alerts/${items[0]?.id}/acknowledge`);
      await api.engine.alerts.resolve(key, 'over', 'watchdog');
    }
  },
  switch: async () => {
    const expiresAt = new Date(api.clock.now() + 60_000).toISOString();
    for (const more of [{}, { expiresAt }])
      await meanwhile(post('/switches', { scope: 'workflow', subject: 'single', message: 'why', ...more }));
    const { items } = await api.store.switches({ on: true }, 10);
    await post(`/switches/${items.find((s) => s.expiresAt === undefined)?.id}/release`);
    api.clock.advance(60_000);
    await api.engine.tick();
    await told('switch.expired');
  },
  approval: async () => {
    const memo = (id: string): Memo => ({
      ...{ id, runId: 'r', workflowId: 'w', stepId: 's', attempt: 2, kind: 'action', agentId: 'a' },
      ...{ title: 'May it?', recommendation: 'Let it.', reasons: [], risk: 0, costUsd: 0, onNo: 'Nothing.' },
      ...{ evidence: { actions: [], actionCount: 0 }, rules: [], round: 1, mayRevise: true },
      ...{ requestedAt: 0, expiresAt: 100, escalateAt: 10, quorum: 2, state: 'requested', decisions: [] },
    });
    const vote = (owner: string, verdict: 'approve' | 'reject' | 'revise'): [MemoEvent, number] => [
      { type: 'vote', vote: { by: `key:${owner}`, owner, verdict, comment: 'because' } },
      5,
    ];
    const lives: Array<Array<[MemoEvent, number]>> = [
      [[{ type: 'due' }, 10], vote('ben', 'approve'), vote('cleo', 'approve')],
      [vote('ben', 'approve'), vote('cleo', 'reject')],
      [vote('ben', 'revise')],
      [[{ type: 'due' }, 100]],
      [[{ type: 'withdraw' }, 5]],
    ];
    for (const [n, events] of lives.entries()) {
      let known = memo(`memo-${n}`);
      const entries = [memoEntry(undefined, known, { at: 0, actor: 'engine' })];
      for (const [event, at] of events) {
        const decision = decideMemo(known, event, at);
        if (decision.kind !== 'changed') throw new Error(JSON.stringify(decision));
        entries.push(memoEntry(known, decision.memo, { at, actor: 'key:ben' }));
        known = decision.memo;
      }
      await note(entries);
    }
  },
  breaker: async () => {
    const rules = BreakerSchema.parse({ consecutiveFailures: 1, openSeconds: 10 });
    const ref = { runId: 'r', stepId: 's', attempt: 1 };
    const bad = { type: 'task', ref, task: { at: 0, ok: false, costUsd: 0, intervened: false } } as const;
    const events: BreakerEvent[] = [bad, { type: 'due' }, bad, { type: 'reset' }, bad, { type: 'due' }];
    let state = closedBreaker('writer');
    for (const [n, event] of events.entries()) {
      const at = n * 1_000_000;
      const next = decideBreaker(state, event, rules, at);
      await note([breakerEntry(state, next, { at, actor: 'engine', event })]);
      state = next;
    }
    const tried = { ...state, trial: ref };
    const good = { ...bad, task: { ...bad.task, ok: true } };
    const closed = decideBreaker(tried, good, rules, 9_000_000);
    await note([breakerEntry(tried, closed, { at: 9_000_000, actor: 'engine', event: good })]);
  },
  'emergency-stop': async () => {
    await meanwhile(post('/emergency-stop', { message: 'everything' }));
    await meanwhile(told('emergency-stop.done'));
    for (const { id } of (await api.store.switches({ on: true }, 10)).items)
      await post(`/switches/${id}/release`);
    const { stop } =
      (await api.store.stop((await ledger()).find((e) => e.action === 'emergency-stop.done')?.id ?? '')) ??
      {};
    const other: EmergencyStop = { ...(stop as EmergencyStop), id: 'another' };
    await note([stopEntry('begun', other, 1), stopEntry('released', other, 2)]);
  },
  budget: async () => {
    await api.engine.budgets.declare();
    for (const amount of [7, 9, null]) await post('/budgets/agent:writer:day/set', { amount });
    for (const by of [1, 2]) await post('/budgets/agent:writer:day/raise', { by });
  },
  protocol: async () => {
    const phases = POLICY.phases.map((phase) => ({ ...phase, capPercent: 50 }));
    const begun = await post('/protocols', { policy: { ...POLICY, phases } });
    await pass(2 * DAY);
    await told('protocol.phase');
    api.clock.advance(60 * 60_000);
    await api.engine.protocols.sweep();
    api.clock.advance(60 * 60_000);
    await api.engine.protocols.sweep();
    await told('protocol.down', 2);
    await post(`/protocols/${text(begun.body['id'])}/stop`, { reason: 'enough' });
  },
  oversight: async () => {
    for (const level of ['autonomous', 'supervised', 'autonomous'] as const)
      await api.engine.overseer.set('writer', level, 'by hand', 'key:anna');
  },
  release: async () => {
    const { id, manifest } = writerRelease(1);
    await post('/releases', { manifest, parts: [] });
    for (const verdict of ['pass', 'fail'])
      await post(`/releases/${id}/verdicts`, {
        stage: 'contract',
        verdict,
        reason: 'r',
        durationMs: 1,
        report: {},
      });
  },
  environment: async () => {
    for (const approvals of [1, 2])
      await post('/agents/writer/environments/staging/policy', { approvals, reason: 'why' });
  },
  rollout: async () => {
    const { id } = writerRelease(1);
    await post('/deployments', { agentId: 'writer', releaseId: id });
    await told('rollout.pass');
  },
  key: async () => {
    const { body } = await post('/keys', { name: 'k', scopes: ['viewer'] });
    const id = text((body['key'] as unknown as { id: string }).id);
    for (let n = 0; n < 2; n += 1) {
      api.clock.advance(1_000);
      await post(`/keys/${id}/rotate`, {});
    }
    await post(`/keys/${id}/revoke`, { reason: 'lost' });
  },
  session: async () => {
    const opened = await post('/session', { key: ROOT });
    const headers = {
      Cookie: opened.headers['set-cookie']?.[0]?.split(';')[0] ?? '',
      'X-CSRF-Token': text(opened.body['csrfToken']),
    };
    await api.call('DELETE', '/session', { headers });
    await told('session.ended');
  },
  'capsule-setting': async () => {
    const setting = { id: 'cap-extra', agentId: 'writer', slots: 1 };
    for (const lingerMs of [1, 2]) await declareCapsules(api.store, [{ ...setting, lingerMs }], lingerMs);
  },
  schedule: async () => {
    for (const cron of ['0 9 * * *', '0 10 * * *']) await declareSchedule(api.store, 'single', { cron }, 1);
  },
};

describe('the ledger', () => {
  beforeAll(async () => {
    api = await startApi({ auth: new ApiKeys([ROOT]), registry: { input: REGISTRY, env: {} } });
    for (const live of Object.values(LIVES)) await live();
  }, 30_000);
  afterAll(() => api.close());

  it('says with each change what was before, and who did it', async () => {
    expect(missingBefores(await ledger())).toEqual([]);
  });

  it.each(Object.entries(ACTIONS))('tells of %s, which %s', async (action, kind) => {
    const entries = (await ledger()).filter((entry) => entry.action === action);
    expect(entries).not.toHaveLength(0);
    if (kind === 'goes on') expect(entries.some(({ was }) => was !== undefined)).toBe(true);
  });

  it.each(Object.keys(LIVES))('tells what was before of each %s that changed', async (entity) => {
    expect((await ledger()).some((entry) => entry.entity === entity && entry.was !== undefined)).toBe(true);
  });

  it('is found out where it does not', () => {
    const entry = { at: 1, actor: 'engine', action: 'alert.raised', entity: 'alert', id: 'a' } as const;
    const [first, second] = [
      { ...entry, set: { status: 'open' } },
      { ...entry, set: { status: 'resolved' } },
    ];
    expect(missingBefores([first, second])).toHaveLength(1);
    expect(missingBefores([first, { ...second, was: { status: 'acknowledged' } }])).toHaveLength(1);
    expect(missingBefores([first, { ...second, was: { status: 'open' } }])).toEqual([]);
    expect(missingBefores([{ ...first, actor: '' }])).toHaveLength(1);
  });
});
