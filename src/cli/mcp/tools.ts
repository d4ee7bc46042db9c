/** What an assistant can ask of an orchestrator: each is a call of the API or a few of them. */
import { z } from 'zod';
import { RUN_STATUSES } from '../../domain/run';
import { Why } from '../../http/routes/why';
import { AgentView, CapsuleView } from '../../http/views/capsule';
import { ApprovalView } from '../../http/views/approval';
import { CostReportView } from '../../http/views/cost';
import { RunSummary, RunView } from '../../http/views/run';
import { WorkflowView } from '../../http/views/workflow';
import type { ApiClient } from '../client';
import { runIdOf } from '../runs/find';

export interface Tool {
  name: string;
  description: string;
  input: z.ZodObject;
  /** What a person is asked before it is done; without, it only reads. */
  question?: (api: ApiClient, given: unknown) => Promise<string>;
  call: (api: ApiClient, given: unknown) => Promise<unknown>;
}

/** Keeps the types of a tool together; what comes in is checked against `input` once more. */
function tool<T extends z.ZodObject>(
  name: string,
  description: string,
  input: T,
  call: (api: ApiClient, given: z.infer<T>) => Promise<unknown>,
  question?: (api: ApiClient, given: z.infer<T>) => Promise<string>,
): Tool {
  return {
    ...{ name, description, input },
    call: (api, given) => call(api, input.parse(given)),
    ...(question && { question: (api, given) => question(api, input.parse(given)) }),
  };
}

const run = z.string().describe('A run id, at least the first four characters of it, or "last".');
const none = z.object({});
const page = <T>(item: z.ZodType<T>) => z.object({ items: z.array(item) });
const json = z.record(z.string(), z.unknown());
const shown = (value: unknown): string => JSON.stringify(value).slice(0, 500);

const READS: Tool[] = [
  tool('list_workflows', 'The workflows, their steps, schedules and next times.', none, async (api) => {
    return (await api.get('/workflows', page(WorkflowView))).items;
  }),
  tool('list_agents', 'The agents of the installation.', none, async (api) => {
    return (await api.get('/agents', page(AgentView))).items;
  }),
  tool(
    'list_capsules',
    'Which capsules are awake or asleep, and what keeps them awake.',
    none,
    async (api) => {
      return (await api.get('/capsules', page(CapsuleView))).items;
    },
  ),
  tool(
    'list_runs',
    'Runs, newest first.',
    z.object({
      workflowId: z.string().optional(),
      status: z.enum(RUN_STATUSES).optional(),
      text: z.string().optional().describe('In the id, the workflow or the error.'),
      limit: z.number().int().min(1).max(200).default(20),
    }),
    async (api, query) => (await api.get('/runs', page(RunSummary), { query })).items,
  ),
  tool(
    'get_run',
    'A run with its steps, timings, outputs and errors.',
    z.object({ run }),
    async (api, given) => api.get(`/runs/${await runIdOf(api, given.run)}`, RunView),
  ),
  tool('why', 'Why a run does not move, and what would release it.', z.object({ run }), async (api, given) =>
    api.get(`/runs/${await runIdOf(api, given.run)}/why`, Why),
  ),
  tool(
    'costs',
    'What was awake for whom, and what it cost, in the last 30 days or the days given.',
    z.object({
      by: z.enum(['day', 'workflow', 'agent', 'model']).default('day'),
      from: z.iso.date().optional(),
      to: z.iso.date().optional(),
    }),
    async (api, query) => api.get('/costs', CostReportView, { query }),
  ),
  tool('list_approvals', 'What waits for a person, with the reasons.', none, async (api) => {
    return (await api.get('/approvals', page(ApprovalView))).items;
  }),
];

const CHANGES: Tool[] = [
  tool(
    'run_workflow',
    'Start a run of a workflow.',
    z.object({ workflowId: z.string(), input: json.optional() }),
    async (api, { workflowId, input }) => {
      const path = `/workflows/${encodeURIComponent(workflowId)}/runs`;
      return api.post(path, RunView, { body: input === undefined ? {} : { input } });
    },
    async (_api, { workflowId, input }) =>
      `Start a run of workflow ${workflowId}${input === undefined ? '' : ` with ${shown(input)}`}?`,
  ),
  tool(
    'rerun',
    'Start a run that is over again; what comes before the step is taken over.',
    z.object({ run, fromStep: z.string().optional(), input: json.optional() }),
    async (api, { run: given, fromStep, input }) => {
      const body = { ...(fromStep !== undefined && { fromStep }), ...(input && { input }) };
      return api.post(`/runs/${await runIdOf(api, given)}/rerun`, RunView, { body });
    },
    async (api, { run: given, fromStep, input }) => {
      const { id, workflowId } = await api.get(`/runs/${await runIdOf(api, given)}`, RunView);
      const changed = input === undefined ? '' : ` with ${shown(input)}`;
      return `Start run ${id} of ${workflowId} again from ${fromStep ?? 'where it failed'}${changed}?`;
    },
  ),
  tool(
    'cancel',
    'Cancel a run.',
    z.object({ run, reason: z.string().max(1_000).optional() }),
    async (api, { run: given, reason }) => {
      const body = reason === undefined ? {} : { reason };
      return api.post(`/runs/${await runIdOf(api, given)}/cancel`, RunView, { body });
    },
    async (api, { run: given }) => {
      const { id, workflowId, status } = await api.get(`/runs/${await runIdOf(api, given)}`, RunView);
      return `Cancel run ${id} of ${workflowId}, which is ${status}?`;
    },
  ),
  decision('approve', 'Approve'),
  decision('reject', 'Reject'),
];

/** A person's word on an approval: always theirs, never the assistant's. */
function decision(verdict: 'approve' | 'reject', verb: string): Tool {
  const path = (id: string) => `/approvals/${encodeURIComponent(id)}`;
  return tool(
    verdict,
    `${verb} what waits for a person; they are shown it and asked.`,
    z.object({ approvalId: z.guid(), comment: z.string().max(2_000).optional() }),
    async (api, { approvalId, comment }) => {
      const body = { verdict, ...(comment !== undefined && { comment }) };
      return api.post(`${path(approvalId)}/decision`, ApprovalView, { body });
    },
    async (api, { approvalId }) => {
      const { title, recommendation, reasons, onNo } = await api.get(path(approvalId), ApprovalView);
      return [`${verb}: ${title}`, recommendation, ...reasons.map((r) => `- ${r}`), `On no: ${onNo}`].join(
        '\n',
      );
    },
  );
}

export const TOOLS: readonly Tool[] = [...READS, ...CHANGES];
