/** Capsules as they are now, the shifts they worked, and waking or putting one to sleep by hand. */
import { z } from 'zod';
import { BY_HAND_MS, MAX_BY_HAND_MS } from '../../domain/capsule-by-hand';
import type { Observation } from '../../domain/drift';
import type { HandResult } from '../../engine/by-hand';
import type { CapsuleRecord } from '../../store/store';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape, pageOf, pageQuery } from '../schema';
import { CapsuleView, capsuleView, ShiftView, shiftView } from '../views/capsule';
import { switchMessage } from './switches';

const tag = 'capsules';

export const listCapsules = route({
  method: 'get',
  path: '/capsules',
  operationId: 'listCapsules',
  tag,
  summary: 'List the capsules: state, shift, learned boot time, leases and what keeps them awake',
  access: 'viewer',
  responses: {
    200: { description: 'All of them.', schema: shape('CapsulePage', () => pageOf(CapsuleView)) },
  },
  problems: [],
  handle: async (_input, deps) => {
    const [records, seen] = await Promise.all([deps.store.capsules(), deps.store.observations()]);
    const items = await Promise.all(records.map((record) => fullCapsule(record, seen, deps)));
    return json({ items, nextCursor: null });
  },
});

const capsuleParams = z.object({ capsuleId: idText });
const reasonOr = (text: string) =>
  switchMessage.default(text).describe('For the ledger, and for people who find it so.');
const MIN_SECONDS = 10;

export const wakeCapsule = route({
  method: 'post',
  path: '/capsules/:capsuleId/wake',
  operationId: 'wakeCapsule',
  tag,
  summary: 'Wake a capsule by hand, for a while',
  description:
    'Through the same gate as work: kill switches and open breakers hold it. It sleeps again by itself when the time ' +
    'is over. Asked again, the newer time counts.',
  access: 'operator',
  params: capsuleParams,
  body: shape('WakeCapsule', () =>
    z.strictObject({
      reason: reasonOr('no reason given'),
      forSeconds: z
        .number()
        .int()
        .min(MIN_SECONDS)
        .max(MAX_BY_HAND_MS / 1_000)
        .default(BY_HAND_MS / 1_000)
        .describe('Then it sleeps again, unless there is work.'),
    }),
  ),
  bodyOptional: true,
  responses: { 202: { description: 'It is awake, or on its way.', schema: CapsuleView } },
  problems: ['capsule-not-found', 'capsule-held'],
  handle: async ({ params, body, actor }, deps) => {
    const { reason, forSeconds } = body;
    const result = await deps.engine.byHand.wake(params.capsuleId, { actor, reason }, forSeconds * 1_000);
    return json(await handled(result, deps), 202);
  },
});

export const sleepCapsule = route({
  method: 'post',
  path: '/capsules/:capsuleId/sleep',
  operationId: 'sleepCapsule',
  tag,
  summary: 'Put a capsule to sleep now',
  description:
    'Whatever it is kept awake for. Refused while an attempt is at work on it or waits for it; with `force` such work ' +
    'is taken away, and tried again where attempts are left, which wakes the capsule again: a kill switch on the agent ' +
    'keeps it asleep. One that should be asleep is looked at, and replicas that run all the same are scaled down.',
  access: 'operator',
  params: capsuleParams,
  body: shape('SleepCapsule', () =>
    z.strictObject({
      reason: reasonOr('put to sleep by hand'),
      force: z.boolean().default(false).describe('Also from under work.'),
    }),
  ),
  bodyOptional: true,
  responses: { 202: { description: 'It is asleep, or on its way.', schema: CapsuleView } },
  problems: ['capsule-not-found', 'capsule-held', 'agent-at-work'],
  handle: async ({ params, body, actor }, deps) => {
    const { reason, force } = body;
    const result = await deps.engine.byHand.sleep(params.capsuleId, { actor, reason }, force);
    return json(await handled(result, deps), 202);
  },
});

/** @throws Problem that says what stands in the way */
async function handled(result: HandResult, deps: AppDeps) {
  switch (result.kind) {
    case 'done':
      return fullCapsule(result.capsule, await deps.store.observations(), deps);
    case 'unknown':
      throw new Problem('capsule-not-found');
    case 'held': {
      const { reason: why, until, release } = result;
      const mend = release === undefined || why.includes(release) ? '' : ` "${release}" releases it.`;
      throw new Problem('capsule-held', {
        detail: `${why}.${mend}`,
        ...(until !== undefined && { retryAfterSeconds: (until - deps.clock.now()) / 1_000 }),
      });
    }
    case 'at-work': {
      const { jobs, waiting } = result;
      throw new Problem('agent-at-work', { detail: `${jobs} at work on it, ${waiting} waiting for it.` });
    }
  }
}

async function fullCapsule(
  record: CapsuleRecord,
  seen: ReadonlyMap<string, Observation>,
  { store, engine, registry }: AppDeps,
) {
  const { id, agentId, status } = record.state;
  // A capsule whose agent left the registry has no linger of its own any more.
  const asked = status === 'awake' && registry.findAgent(agentId) !== undefined;
  const reasons = asked ? await engine.capsules.reasonsAwake(id) : [];
  const last = status === 'asleep' ? (await store.shifts({ capsuleId: id }, 1)).items[0] : undefined;
  return capsuleView(record, { reasonsAwake: reasons, last, seen: seen.get(id) });
}

export const listShifts = route({
  method: 'get',
  path: '/shifts',
  operationId: 'listShifts',
  tag,
  summary: 'List shifts, newest first: what was awake, for how long, and what it did',
  access: 'viewer',
  query: z.object({ capsuleId: idText.optional(), ...pageQuery }),
  responses: {
    200: { description: 'A page of shifts.', schema: shape('ShiftPage', () => pageOf(ShiftView)) },
  },
  problems: [],
  handle: async ({ query }, { store }) => {
    const { capsuleId, limit, cursor } = query;
    const page = await store.shifts(capsuleId === undefined ? {} : { capsuleId }, limit, cursor);
    return json({ items: page.items.map(shiftView), nextCursor: page.nextCursor });
  },
});
