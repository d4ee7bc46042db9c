/** Waking a capsule and putting it to sleep by hand, and what is seen of its replicas. */
import type { LedgerEntry } from '../../src/domain/ledger';
import { until } from '../support/until';
import { REGISTRY, startApi, type Api } from './support/api';

const [crawler] = REGISTRY.agents;
const steps = [{ id: 'crawl', agent: 'crawler', retry: { attempts: 2 } }];

let api: Api;
beforeEach(async () => {
  const input = { agents: crawler ? [crawler] : [], workflows: [{ id: 'audit', name: 'Audit', steps }] };
  api = await startApi({ registry: { input, env: {} } });
});
afterEach(() => api.close());

const ID = 'cap-crawler';
interface Capsule {
  id: string;
  status: string;
  handHeldUntil: string | null;
  reasonsAwake: string[];
  replicas: { desired: number; observed: number | null; driftSince: string | null };
}
const capsule = async (id = ID): Promise<Capsule> => {
  const { items } = (await api.call('GET', '/capsules')).body;
  const found = (items as unknown as Capsule[]).find((c) => c.id === id);
  if (!found) throw new Error(`no capsule ${id}`);
  return found;
};
const is = (status: string, id = ID) =>
  until(async () => (await capsule(id)).status === status, { what: `capsule ${id} ${status}` });
const wake = (body?: object, id = ID) =>
  api.call('POST', `/capsules/${id}/wake`, body === undefined ? {} : { json: body });
const sleep = (body?: object, id = ID) =>
  api.call('POST', `/capsules/${id}/sleep`, body === undefined ? {} : { json: body });
const entries = async (action: string): Promise<LedgerEntry[]> =>
  (await api.store.ledger(0, 1_000))
    .map(({ body }) => JSON.parse(body) as LedgerEntry)
    .filter((entry) => entry.action === action);

it('wakes one for a quarter of an hour, says until when, and lets it sleep by itself', async () => {
  const { status, body } = await wake({ reason: 'a look inside' });
  expect([status, body.status]).toEqual([202, 'waking']);
  await is('awake');
  const awake = await capsule();
  const end = api.clock.now() + 900_000;
  expect(Date.parse(awake.handHeldUntil ?? '')).toBe(end);
  expect(awake.reasonsAwake).toEqual([`woken by hand (a look inside), until ${new Date(end).toISOString()}`]);
  const [entry] = await entries('capsule.woken-by-hand');
  expect(entry).toMatchObject({ actor: 'local', id: ID, reason: 'a look inside' });

  api.clock.advance(899_000);
  await api.engine.tick();
  expect((await capsule()).status).toBe('awake');
  api.clock.advance(2_000);
  await api.engine.tick();
  await is('asleep');
  expect(api.cloud.replicas.get(ID)).toBe(0);
});

it('takes the newer time, also where it ends earlier', async () => {
  await wake({ forSeconds: 3_600 });
  await is('awake');
  await wake({ forSeconds: 60 });
  expect(Date.parse((await capsule()).handHeldUntil ?? '')).toBe(api.clock.now() + 60_000);
  const tooLong = await wake({ forSeconds: 100_000 });
  expect([tooLong.status, tooLong.body.code]).toEqual([400, 'invalid-request']);
});

it('puts one to sleep at once, and says who did', async () => {
  await wake();
  await is('awake');
  const { status, body } = await sleep({ reason: 'enough' });
  expect([status, body.handHeldUntil]).toEqual([202, null]);
  await is('asleep');
  expect((await entries('capsule.sent-to-sleep'))[0]).toMatchObject({ actor: 'local', reason: 'enough' });
  // Asked once more, nothing is left to do.
  expect((await sleep()).body.status).toBe('asleep');
});

it('leaves one at work alone unless it is forced; the work is then done in another shift', async () => {
  await api.startRun();
  const job = await api.cloud.nextJob();
  const refused = await sleep();
  expect([refused.status, refused.body.code, refused.body.detail]).toEqual([
    409,
    'agent-at-work',
    '1 at work on it, 0 waiting for it.',
  ]);
  expect((await capsule()).status).toBe('awake');
  expect((await sleep({ force: true })).status).toBe(202);
  // Asleep in between, as the next shift of the same capsule shows.
  const isAgain = async () => {
    // Past the pause before the next attempt.
    api.clock.advance(1_000);
    await api.engine.tick();
    return (await api.store.capsule(ID))?.state.generation === 2;
  };
  await until(isAgain, { what: 'the next shift' });
  expect((await api.cloud.nextJob()).runId).toBe(job.runId);
});

it('wakes nothing that is switched off, and says what holds it', async () => {
  const closing = api.call('POST', '/switches', {
    json: { scope: 'agent', subject: 'crawler', message: 'maintenance' },
  });
  // It is in force once every permit from before is over.
  const off = await until(
    async () => {
      api.clock.advance(100);
      return Promise.race([closing, new Promise<undefined>((next) => setImmediate(next, undefined))]);
    },
    { what: 'the switch' },
  );
  expect(off?.status).toBe(200);
  const held = await wake();
  expect([held.status, held.body.code]).toEqual([409, 'capsule-held']);
  expect(held.body.detail).toMatch(/maintenance.*reveille resume --switch/);
  expect((await capsule()).status).toBe('asleep');
  expect(api.cloud.replicas.get(ID) ?? 0).toBe(0);
});

it('knows no capsule but those of the installation', async () => {
  for (const answer of [await wake({}, 'nobody'), await sleep({}, 'nobody')])
    expect([answer.status, answer.body.code]).toEqual([404, 'capsule-not-found']);
});

describe('replicas', () => {
  it('are counted beside what its status asks for, with since when they differ', async () => {
    await wake();
    await is('awake');
    api.cloud.replicas.set(ID, 2);
    const seenAt = api.clock.now();
    await until(
      async () => {
        await api.engine.tick();
        return (await capsule()).replicas.observed === 2;
      },
      { what: 'the second replica' },
    );
    expect((await capsule()).replicas).toMatchObject({
      desired: 1,
      driftSince: new Date(seenAt).toISOString(),
    });
  });

  it('that run although it should be asleep are scaled down when it is sent to sleep', async () => {
    api.cloud.replicas.set(ID, 1);
    await sleep({ reason: 'it is billed' });
    await until(() => api.cloud.replicas.get(ID) === 0, { what: 'zero replicas' });
    await is('asleep');
  });
});
