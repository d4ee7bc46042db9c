import { z } from 'zod';
import { Problem } from '../problems';
import { route } from '../route';

const FULL_RETRY_SECONDS = 10;

export const events = route({
  method: 'get',
  path: '/events',
  operationId: 'streamEvents',
  tag: 'operation',
  summary: 'Changes of runs, capsules, alerts and rollouts as they happen (server-sent events)',
  description:
    'Events `run` (a RunSummary), `capsule` (a CapsuleSummary), `alert` (an Alert) and `rollout` (a Rollout) as this ' +
    'process commits them; `hello` opens a stream. Send `Last-Event-ID` to go on where a stream ended; `reset` says that too much was missed and the ' +
    'state has to be read anew.',
  access: 'viewer',
  query: z.object({}),
  responses: { 200: { description: 'The stream.', contentType: 'text/event-stream' } },
  problems: ['too-many-streams'],
  handle: async ({ req, res }, { events: streams }) => {
    if (streams.isFull) throw new Problem('too-many-streams', { retryAfterSeconds: FULL_RETRY_SECONDS });
    // HEAD has no body to stream.
    if (req.method === 'HEAD') return { kind: 'empty', status: 200 };
    res.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' });
    streams.open(res, req.get('Last-Event-ID'));
    return { kind: 'streaming' };
  },
});
