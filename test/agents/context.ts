/** What a job gets beside its input, in-process, with everything it records. */
import { randomUUID } from 'node:crypto';
import type { Action, JobContext, Usage } from '../../agents/_template/src/contract';

export interface TestContext extends JobContext {
  usages: Usage[];
  actions: Action[];
  logs: { message: string; fields: object | undefined }[];
  stop: AbortController;
}

export function testContext(given: Partial<JobContext> = {}): TestContext {
  const [usages, actions, logs]: [Usage[], Action[], TestContext['logs']] = [[], [], []];
  const stop = new AbortController();
  return {
    workflowId: 'test',
    stepId: 'only',
    runId: randomUUID(),
    dryRun: false,
    signal: stop.signal,
    stop,
    usages,
    actions,
    logs,
    usage: (entry) => usages.push(entry),
    action: (entry) => actions.push(entry),
    log: (message, fields) => logs.push({ message, fields }),
    progress: () => undefined,
    tool: async (_name, _params, use) => use(),
    ...given,
  };
}

/** Sets variables for a test and gives a function that puts back what was there. */
export function setVariables(values: Record<string, string | undefined>): () => void {
  const before = Object.fromEntries(Object.keys(values).map((key) => [key, process.env[key]]));
  apply(values);
  return () => apply(before);
}

function apply(values: Record<string, string | undefined>): void {
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) delete process.env[key];
    else process.env[key] = value;
  }
}
