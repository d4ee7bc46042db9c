/** What this installation runs, and when. */
import { z } from 'zod';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape, pageOf } from '../schema';
import { tickView, WorkflowDetail, WorkflowView, workflowView } from '../views/workflow';

const tag = 'workflows';
/** How many decided ticks are shown. */
const LAST_TICKS = 10;

export const listWorkflows = route({
  method: 'get',
  path: '/workflows',
  operationId: 'listWorkflows',
  tag,
  summary: 'List the workflows with their next fire times',
  access: 'viewer',
  responses: {
    200: { description: 'All of them.', schema: shape('WorkflowPage', () => pageOf(WorkflowView)) },
  },
  problems: [],
  handle: async (_input, { registry, clock }) =>
    json({ items: registry.workflows.map((w) => workflowView(w, registry, clock.now())), nextCursor: null }),
});

export const getWorkflow = route({
  method: 'get',
  path: '/workflows/:workflowId',
  operationId: 'getWorkflow',
  tag,
  summary: 'A workflow with its next fire times and its last ticks',
  access: 'viewer',
  params: z.object({ workflowId: idText }),
  responses: { 200: { description: 'The workflow.', schema: WorkflowDetail } },
  problems: ['workflow-not-found'],
  handle: async ({ params }, { registry, store, clock }) => {
    const workflow = registry.findWorkflow(params.workflowId);
    if (!workflow) throw new Problem('workflow-not-found');
    const ticks = await store.ticks(workflow.id, LAST_TICKS);
    return json({ ...workflowView(workflow, registry, clock.now()), lastTicks: ticks.map(tickView) });
  },
});
