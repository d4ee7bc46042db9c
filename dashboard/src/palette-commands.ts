/** What the palette offers: every screen, and what can be done on them, with what there is at the moment. */
import { useMemo } from 'preact/hooks';
import { post } from './api/client';
import { useQuery } from './api/query';
import type { Capsule, Page, RunSummary, RunView, Switch, Workflow } from './api/types';
import { act } from './parts/actions';
import { sleepCapsule, wakeCapsule } from './parts/capsule-actions';
import { cancelRun, rerunRun } from './parts/runs-actions';
import { releaseSwitch, turnOff } from './parts/switches';
import { go, runHref, usePlace, type Place } from './router';
import { SCREENS, screenHref } from './screens';
import { may } from './session';
import { nextTheme } from './theme';

export interface Command {
  id: string;
  text: string;
  /** Asked for before it is done. */
  ask?: string;
  /** @param answer to what was asked */
  run: (answer: string) => unknown;
}

const OFF = '/switches?on=true&limit=200';
const UNDER_WAY = '/runs?status=running&limit=50';
const FAILED = '/runs?status=failed&limit=20';

/** Read when the palette is opened. */
export function useCommands(): Command[] {
  const place = usePlace();
  const workflows = useQuery<Page<Workflow>>('/workflows').data?.items;
  const capsules = useQuery<Page<Capsule>>('/capsules').data?.items;
  const switches = useQuery<Page<Switch>>(OFF).data?.items;
  const running = useQuery<Page<RunSummary>>(UNDER_WAY).data?.items;
  const failed = useQuery<Page<RunSummary>>(FAILED).data?.items;
  return useMemo(() => {
    const seen = { workflows: workflows ?? [], switches: switches ?? [] };
    const actions = may('operator')
      ? [
          ...ofThisRun(place, running ?? []),
          ...seen.workflows.flatMap((workflow) => ofWorkflow(workflow, seen.switches)),
          ...seen.switches.map(turnOnAgain),
          ...(capsules ?? []).flatMap(ofCapsule),
          ...(running ?? []).map(cancel),
          ...(failed ?? []).map(rerun),
        ]
      : [];
    return [
      ...actions.filter(({ id }) => id.startsWith('this-')),
      ...everywhere(),
      ...actions.filter(notThis),
    ];
  }, [place, workflows, capsules, switches, running, failed]);
}

const notThis = ({ id }: Command): boolean => !id.startsWith('this-');

function everywhere(): Command[] {
  return [
    ...SCREENS.map((screen) => ({
      id: `go-${screen.path}`,
      text: `Go to ${screen.title}`,
      run: () => go(screenHref(screen)),
    })),
    { id: 'failed', text: 'Show failed runs', run: () => go('/app/runs?status=failed') },
    { id: 'approvals', text: 'Decide what waits for a person', run: () => go('/app/inbox') },
    { id: 'budgets', text: 'Raise a budget', run: () => go('/app/costs') },
    { id: 'stop', text: 'Turn something off, or stop everything', run: () => go('/app/switches') },
    { id: 'theme', text: 'Change the theme', run: nextTheme },
    { id: 'docs', text: 'Open the API reference', run: () => window.location.assign('/docs') },
  ];
}

/** Of the run that is on the screen. */
function ofThisRun({ screen, id }: Place, running: readonly RunSummary[]): Command[] {
  if (screen !== 'runs' || id === undefined) return [];
  return running.some((run) => run.id === id)
    ? [{ id: 'this-cancel', text: 'Cancel this run', run: () => act('Cancelled.', () => cancelRun(id)) }]
    : [{ id: 'this-rerun', text: 'Rerun this run', run: () => startAgain(id) }];
}

function ofWorkflow({ id, name }: Workflow, off: readonly Switch[]): Command[] {
  const isPaused = off.some(({ scope, subject }) => scope === 'workflow' && subject === id);
  const start: Command = {
    id: `start-${id}`,
    text: `Start ${name}`,
    run: async () => {
      const run = await act(`${name} has started.`, () =>
        post<RunView>(`/workflows/${encodeURIComponent(id)}/runs`, {}, crypto.randomUUID()),
      );
      if (run) go(runHref(run.id));
    },
  };
  const pause: Command = {
    id: `pause-${id}`,
    text: `Pause ${name}`,
    ask: 'Why, for everybody who finds it held',
    run: (message) => act(`${name} is paused.`, () => turnOff({ scope: 'workflow', subject: id, message })),
  };
  const look = {
    id: `look-${id}`,
    text: `Show ${name}`,
    run: () => go(`/app/workflows/${encodeURIComponent(id)}`),
  };
  return [start, ...(isPaused ? [] : [pause]), look];
}

const turnOnAgain = ({ id, scope, subject, message }: Switch): Command => {
  const what = subject === null ? 'everything' : `${scope} ${subject}`;
  return {
    id: `on-${id}`,
    text: `Turn ${what} on again (${message})`,
    run: () => act(`${what} is on again.`, () => releaseSwitch(id)),
  };
};

function ofCapsule({ id, agentId, status, activity }: Capsule): Command[] {
  if (status === 'asleep') {
    const done = `${agentId} is woken, and sleeps again in 15 minutes.`;
    return [{ id: `wake-${id}`, text: `Wake ${agentId}`, run: () => act(done, () => wakeCapsule(id)) }];
  }
  if (status === 'draining' || activity.held + activity.waiting > 0) return [];
  const done = `${agentId} is put to sleep.`;
  return [
    { id: `sleep-${id}`, text: `Put ${agentId} to sleep`, run: () => act(done, () => sleepCapsule(id)) },
  ];
}

const cancel = ({ id, workflowId }: RunSummary): Command => ({
  id: `cancel-${id}`,
  text: `Cancel run ${id.slice(0, 8)} of ${workflowId}`,
  run: () => act('Cancelled.', () => cancelRun(id)),
});

const rerun = ({ id, workflowId, error }: RunSummary): Command => ({
  id: `rerun-${id}`,
  text: `Rerun ${id.slice(0, 8)} of ${workflowId}, which failed${error ? `: ${error.message.slice(0, 60)}` : ''}`,
  run: () => startAgain(id),
});

async function startAgain(id: string): Promise<void> {
  const run = await act('Started again.', () => rerunRun(id, {}, crypto.randomUUID()));
  if (run) go(runHref(run.id));
}
