/** The builds of Code Capsules' cluster API: start one, list them, read a log. */
import type { Express } from 'express';
import { z } from 'zod';
import { answeredByFault, found, problem, type RoutesContext } from './routes';

const nanoseconds = z.string().regex(/^\d{1,19}$/);
const LogQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(100),
  start: nanoseconds,
  end: nanoseconds,
});

export function buildRoutes(app: Express, context: RoutesContext): void {
  const { faults, counters } = context;
  app.post(
    '/capsules/:id/builds',
    found(context, (capsule, request, response) => {
      const { id } = capsule.options;
      if (answeredByFault(context, capsule, response)) return;
      if (faults.take(id, 'buildLost')) return void request.socket.destroy();
      const build = context.builds.get(id)?.start();
      if (!build) return problem(response, 429, 'Too many builds of this capsule are waiting.');
      counters.builds += 1;
      if (faults.take(id, 'buildAnswerLost')) request.socket.destroy();
      else response.status(201).json(build);
    }),
  );
  app.get(
    '/capsules/:id/builds',
    found(context, (capsule, _request, response) => {
      if (answeredByFault(context, capsule, response)) return;
      response.json({ builds: context.builds.get(capsule.options.id)?.list() ?? [] });
    }),
  );
  app.get('/builds/:id/logs', (request, response) => {
    const { limit } = LogQuery.parse(request.query);
    const all = [...context.builds.values()].map((builds) => builds.log(request.params.id, limit));
    const logs = all.find((lines) => lines !== undefined);
    if (logs) response.json({ data: { logs, totalLogCount: logs.length } });
    else problem(response, 404, 'There is no such build.');
  });
}
