/** Whether the process lives, and whether it can do its work. */
import { z } from 'zod';
import { withDeadline } from '../deadline';
import type { AppDeps } from '../deps';
import { json, route } from '../route';
import { shape } from '../schema';

const tag = 'operation';
/** What store and queue may take to answer. */
const PING_DEADLINE_MS = 2_000;

export const health = route({
  method: 'get',
  path: '/health',
  operationId: 'getHealth',
  tag,
  summary: 'Whether the process lives',
  access: 'open',
  responses: {
    200: { description: 'It does.', schema: shape('Health', () => z.object({ status: z.literal('ok') })) },
  },
  problems: [],
  handle: async () => json({ status: 'ok' }),
});

const part = z.string().describe('`ok`, or why not.');
const ReadyView = shape('Ready', () =>
  z.object({
    status: z.enum(['ready', 'not-ready']),
    checks: z.object({
      store: part,
      queue: part,
      schedules: part,
      process: part,
      engine: part.optional().describe('Set where it performs nothing by order. Decides nothing.'),
      platform: part
        .optional()
        .describe('Whether the last call to it was answered. Decides nothing: steps wait for it.'),
      notifier: part.optional().describe('Whether messages to people arrive. Decides nothing.'),
      checkpoints: part.optional().describe('Of the ledger, where they are signed. Decides nothing.'),
    }),
  }),
);

export const ready = route({
  method: 'get',
  path: '/ready',
  operationId: 'getReady',
  tag,
  summary: 'Whether store, queue and schedules are in order',
  access: 'open',
  tellsOutages: true,
  responses: {
    200: { description: 'Everything is.', schema: ReadyView },
    503: { description: 'Something is not; `checks` says what.', schema: ReadyView },
  },
  problems: [],
  handle: async (_input, deps) => {
    const [store, queue] = await Promise.all([ping('store', deps), ping('queue', deps)]);
    const { schedules, stopping, checkpoints, platform, notifier, engine } = deps.ready();
    const needed = { store, queue, schedules, process: stopping ? 'is stopping' : 'ok' };
    const isReady = Object.values(needed).every((check) => check === 'ok');
    const checks = {
      ...needed,
      ...(engine !== undefined && { engine }),
      ...(platform !== undefined && { platform }),
      ...(notifier !== undefined && { notifier }),
      ...(checkpoints !== undefined && { checkpoints }),
    };
    return isReady
      ? json({ status: 'ready', checks })
      : json({ status: 'not-ready', checks }, 503, { 'Retry-After': '5' });
  },
});

/** Pings under way, by process: however many ask, each part is asked once at a time. */
const underWay = new WeakMap<object, Promise<string>>();

function ping(what: 'store' | 'queue', deps: AppDeps): Promise<string> {
  const target = deps[what];
  const asked = underWay.get(target) ?? askOnce(what, deps).finally(() => underWay.delete(target));
  underWay.set(target, asked);
  return asked;
}

/** The reason goes to the log; whoever asks may be anybody. */
async function askOnce(what: 'store' | 'queue', { [what]: target, clock, log }: AppDeps): Promise<string> {
  try {
    await withDeadline(clock, target.ping(), PING_DEADLINE_MS);
    return 'ok';
  } catch (error) {
    log.warn({ err: error }, `not ready: the ${what} does not answer`);
    return 'does not answer';
  }
}
