/** Ends the logins of one person, e.g. of somebody who has left: what they got at a provider cannot be revoked like a key. */
import { z } from 'zod';
import { json, route } from '../route';
import { idText, shape } from '../schema';
import { sessionEntry } from './session';

/** Nobody has as many. */
const MAX_SESSIONS = 1_000;

export const endSessions = route({
  method: 'post',
  path: '/sessions/end',
  operationId: 'endSessions',
  tag: 'people',
  summary: 'End the logins of one person',
  description:
    'In every orchestrator within 2 seconds. API keys stay as they are. Take them out of the lists of OIDC_* or from ' +
    'the provider first: who may, logs in again.',
  access: 'admin',
  body: shape('EndSessions', () =>
    z.strictObject({
      who: idText.describe('As the ledger names them (`user:<subject>`, `key:<id>`), or the owner.'),
      reason: idText.optional().describe('For the ledger.'),
    }),
  ),
  responses: {
    200: {
      description: 'How many there were.',
      schema: shape('EndedSessions', () => z.object({ ended: z.number().int().nonnegative() })),
    },
  },
  problems: [],
  handle: async ({ body: { who, reason }, actor }, { store, clock, people }) => {
    const by = { at: clock.now(), actor, ...(reason !== undefined && { reason }) };
    let ended = 0;
    for (const { hash } of await store.sessionsOf(who, by.at, MAX_SESSIONS)) {
      if (await store.endSession(hash, sessionEntry('ended', hash, by))) ended += 1;
      people.forgetSession(hash);
    }
    return json({ ended });
  },
});
