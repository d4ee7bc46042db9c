/** What a schedule will do: clock changes, overlaps, cost. */
import { z } from 'zod';
import { forecast } from '../../engine/forecast';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText } from '../schema';
import { ScheduleForecast, scheduleForecastView } from '../views/schedule';

export const getSchedule = route({
  method: 'get',
  path: '/workflows/:workflowId/schedule',
  operationId: 'getSchedule',
  tag: 'workflows',
  summary: 'What the schedule of a workflow will do, and cost',
  description:
    'The next fire times, every change of the clocks within a year that touches it, overlaps expected from how long ' +
    'the last runs took, and the runs and cost of a month. Nothing is decided by it.',
  access: 'viewer',
  params: z.object({ workflowId: idText }),
  responses: { 200: { description: 'The forecast.', schema: ScheduleForecast } },
  problems: ['workflow-not-found', 'no-schedule'],
  handle: async ({ params }, { registry, store, clock }) => {
    const workflow = registry.findWorkflow(params.workflowId);
    if (!workflow) throw new Problem('workflow-not-found');
    const compiled = await forecast(workflow, { registry, store }, clock.now());
    if (!compiled || !workflow.schedule) throw new Problem('no-schedule');
    return json(scheduleForecastView(workflow.id, workflow.schedule.timezone, compiled));
  },
});
