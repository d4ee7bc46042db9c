/** Capsules as they are now, and the shifts they worked. */
import { z } from 'zod';
import type { CapsuleRecord } from '../../store/store';
import type { AppDeps } from '../deps';
import { json, route } from '../route';
import { idText, name, pageOf, pageQuery } from '../schema';
import { CapsuleView, capsuleView, ShiftView, shiftView } from '../views/capsule';

const tag = 'capsules';

export const listCapsules = route({
  method: 'get',
  path: '/capsules',
  operationId: 'listCapsules',
  tag,
  summary: 'List the capsules: state, shift, learned boot time, leases and what keeps them awake',
  access: 'viewer',
  responses: { 200: { description: 'All of them.', schema: name('CapsulePage', pageOf(CapsuleView)) } },
  problems: [],
  handle: async (_input, deps) => {
    const records = await deps.store.capsules();
    const items = await Promise.all(records.map((record) => fullCapsule(record, deps)));
    return json({ items, nextCursor: null });
  },
});

async function fullCapsule(record: CapsuleRecord, { store, engine, registry }: AppDeps) {
  const { id, agentId, status } = record.state;
  // A capsule whose agent left the registry has no linger of its own any more.
  const asked = status === 'awake' && registry.findAgent(agentId) !== undefined;
  const reasons = asked ? await engine.capsules.reasonsAwake(id) : [];
  const last = status === 'asleep' ? (await store.shifts({ capsuleId: id }, 1)).items[0] : undefined;
  return capsuleView(record, reasons, last);
}

export const listShifts = route({
  method: 'get',
  path: '/shifts',
  operationId: 'listShifts',
  tag,
  summary: 'List shifts, newest first: what was awake, for how long, and what it did',
  access: 'viewer',
  query: z.object({ capsuleId: idText.optional(), ...pageQuery }),
  responses: { 200: { description: 'A page of shifts.', schema: name('ShiftPage', pageOf(ShiftView)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const { capsuleId, limit, cursor } = query;
    const page = await store.shifts(capsuleId === undefined ? {} : { capsuleId }, limit, cursor);
    return json({ items: page.items.map(shiftView), nextCursor: page.nextCursor });
  },
});
