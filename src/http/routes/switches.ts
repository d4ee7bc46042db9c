/** Kill switches: what is turned off, turning off, turning on again. */
import { z } from 'zod';
import { MAX_SWITCH_MESSAGE, SWITCH_SCOPES } from '../../domain/guard/switch';
import { derivedId } from '../../engine/derived-id';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, isoTime, shape, pageOf, pageQuery } from '../schema';
import { SwitchView, switchView } from '../views/switch';

const tag = 'safety';

/** Said by people, shown on terminals and telephones. */
export const switchMessage = z
  .string()
  .trim()
  .min(1)
  .max(MAX_SWITCH_MESSAGE)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters');

const SetSwitch = shape('SetSwitch', () =>
  z.strictObject({
    scope: z.enum(SWITCH_SCOPES),
    subject: idText.optional().describe('The id of what is turned off; left out for the global one.'),
    message: switchMessage.describe('Why, for everybody who finds something held.'),
    expiresAt: isoTime.optional().describe('Released by itself then.'),
  }),
);

export const listSwitches = route({
  method: 'get',
  path: '/switches',
  operationId: 'listSwitches',
  tag,
  summary: 'Kill switches, newest first',
  access: 'viewer',
  query: z.object({
    ...pageQuery,
    on: z.enum(['true', 'false']).optional().describe('`true`: what is off now; left out: all.'),
  }),
  responses: { 200: { description: 'A page.', schema: shape('SwitchPage', () => pageOf(SwitchView)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const filter = query.on === undefined ? {} : { on: query.on === 'true' };
    const { items, nextCursor } = await store.switches(filter, query.limit, query.cursor);
    return json({ items: items.map(switchView), nextCursor });
  },
});

export const setSwitch = route({
  method: 'post',
  path: '/switches',
  operationId: 'setSwitch',
  tag,
  summary: 'Turn something off',
  description:
    'Answered once it is in force: from then on nothing that it covers is woken or sent, by any orchestrator. ' +
    'What an agent is at work on goes on. Work stays in line and goes on in its order when the switch is released.',
  access: 'operator',
  body: SetSwitch,
  idempotent: true,
  responses: { 200: { description: 'It is in force.', schema: SwitchView } },
  problems: ['switch-subject-unknown', 'idempotency-key-reused'],
  handle: async ({ body, actor, idempotencyKey }, deps) => {
    const { scope, subject = '', message } = body;
    mustExist(scope, subject, deps);
    const expiresAt = body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt);
    if (expiresAt !== undefined && expiresAt <= deps.clock.now()) refuse('expiresAt', 'is over already');
    const wanted = { scope, subject, message, ...(expiresAt !== undefined && { expiresAt }) };
    const id = idempotencyKey === undefined ? undefined : derivedId('switch', actor, idempotencyKey);
    const set = await deps.engine.guards.set(wanted, actor, id);
    if (
      set.scope !== scope ||
      set.subject !== subject ||
      set.message !== message ||
      set.expiresAt !== expiresAt
    )
      throw new Problem('idempotency-key-reused');
    return json(switchView(set));
  },
});

export const releaseSwitch = route({
  method: 'post',
  path: '/switches/:switchId/release',
  operationId: 'releaseSwitch',
  tag,
  summary: 'Turn it on again',
  description: 'What it held goes on in its order. Releasing it once more changes nothing.',
  access: 'operator',
  params: z.object({ switchId: z.guid().toLowerCase() }),
  body: shape('ReleaseSwitch', () =>
    z.strictObject({ reason: switchMessage.optional().describe('For the ledger.') }),
  ),
  bodyOptional: true,
  responses: { 200: { description: 'It is released.', schema: SwitchView } },
  problems: ['switch-not-found'],
  handle: async ({ params, body, actor }, { engine, store }) => {
    await engine.guards.release(params.switchId, actor, body.reason);
    const known = await store.switch(params.switchId);
    if (!known) throw new Problem('switch-not-found');
    return json(switchView(known));
  },
});

/** A slip in a name would turn off nothing, and look as if it had. */
function mustExist(scope: string, subject: string, { registry, engine }: AppDeps): void {
  if (scope === 'global') {
    if (subject !== '') refuse('subject', 'the global switch has none');
    return;
  }
  if (subject === '') refuse('subject', `name the ${scope}`);
  const { environment = 'development' } = engine.guards;
  const known =
    scope === 'agent'
      ? registry.findAgent(subject)
      : scope === 'workflow'
        ? registry.findWorkflow(subject)
        : subject === environment || undefined;
  if (known !== undefined) return;
  const hint = scope === 'environment' ? ` This installation is ${environment}.` : '';
  throw new Problem('switch-subject-unknown', { detail: `There is no ${scope} "${subject}".${hint}` });
}

function refuse(field: string, message: string): never {
  const at = `body.${field}`;
  throw new Problem('invalid-request', { detail: `${at}: ${message}`, errors: [{ field: at, message }] });
}
