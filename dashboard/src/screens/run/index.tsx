/** One run: what failed first, then when and where, then everything else. */
import { useEffect, useState } from 'preact/hooks';
import { runShown } from '../../../../src/domain/status';
import { onCapsule, useQuery } from '../../api/query';
import type { RunView } from '../../api/types';
import { ActionButton, copy } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { MendButton } from '../../parts/mend-button';
import { QueryView } from '../../parts/query-view';
import { cancelRun, runPath } from '../../parts/runs-actions';
import { duration, msBetween, Time, useZones } from '../../parts/time';
import { ValueView } from '../../parts/value';
import { runHref, setQuery, usePlace } from '../../router';
import { may } from '../../session';
import { Cost } from './cost';
import { DiffDialog } from './diff';
import { Graph } from './graph';
import { Log } from './log';
import { RerunDialog } from './rerun';
import { StepPanel } from './step';
import { Waterfall } from './waterfall';

const MOVING_MS = 1_000;

export function RunScreen({ id }: { id: string }) {
  const run = useQuery<RunView>(runPath(id), {
    when: (event) => onCapsule(event) || (event.type === 'run' && event.data.id === id),
  });
  return (
    <>
      {run.data === undefined && <h1>Run {id.slice(0, 8)}</h1>}
      <QueryView query={run}>{(data) => <RunPage run={data} reload={run.reload} />}</QueryView>
    </>
  );
}

function RunPage({ run, reload }: { run: RunView; reload: () => void }) {
  const { query } = usePlace();
  const zone = useZones()(run.workflowId);
  const now = useNow(run.finishedAt === null);
  const chosen = run.steps.find(({ id }) => id === query.step) ?? worthALook(run);
  const choose = (step: string): void => setQuery({ step });
  return (
    <>
      <Heading run={run} zone={zone} reload={reload} />
      {run.error && (
        <div class="problem">
          <strong>
            <span aria-hidden="true">✕ </span>
            {run.error.kind}
          </strong>
          <p class="text">{run.error.message}</p>
        </div>
      )}
      {run.why !== null && (
        <div class="why row">
          <span>
            <span aria-hidden="true">◔ </span>
            {run.why}
          </span>
          <MendButton why={run.why} reload={reload} />
        </div>
      )}
      <section aria-labelledby="time">
        <h2 id="time">Where the time went</h2>
        <Waterfall run={run} now={now} choose={choose} />
      </section>
      <section aria-labelledby="graph">
        <h2 id="graph">Steps</h2>
        <Graph steps={run.steps} chosen={chosen?.id} choose={choose} />
      </section>
      <div class="columns">
        {chosen && <StepPanel key={chosen.id} run={run} step={chosen} zone={zone} reload={reload} />}
        <section aria-labelledby="input">
          <h2 id="input">Input</h2>
          {run.input === null ? (
            <p class="empty">It was removed after the retention time.</p>
          ) : (
            <ValueView value={run.input} name="The input" />
          )}
        </section>
      </div>
      <Log run={run} zone={zone} />
    </>
  );
}

/** What failed, else what is at work, else what came last. */
function worthALook({ steps }: RunView) {
  const of = (...statuses: string[]) => steps.find(({ status }) => statuses.includes(status));
  return (
    of('failed') ??
    of('parked', 'backing-off', 'running', 'dispatching', 'waiting') ??
    steps.findLast(({ status }) => status === 'succeeded') ??
    steps[0]
  );
}

interface HeadingProps {
  run: RunView;
  zone: string | undefined;
  reload: () => void;
}

function Heading({ run, zone, reload }: HeadingProps) {
  const { id, workflowId, trigger, createdAt, startedAt, finishedAt, cost } = run;
  return (
    <>
      <p class="crumbs">
        <a href="/app/runs">Runs</a> /{' '}
        <a href={`/app/runs?workflowId=${encodeURIComponent(workflowId)}`}>{workflowId}</a>
      </p>
      <h1 class="row start">
        {workflowId} <Badge shown={runShown(run)} />
      </h1>
      <p class="dim">
        <code>{id}</code> · {TRIGGERS[trigger.kind] ?? trigger.kind}
        {'of' in trigger && (
          <>
            {' '}
            <a href={runHref(trigger.of)}>{trigger.of.slice(0, 8)}</a>
          </>
        )}
        {trigger.kind === 'step' && (
          <>
            {' '}
            <a href={runHref(trigger.runId)}>{trigger.runId.slice(0, 8)}</a>
          </>
        )}{' '}
        · created <Time at={createdAt} zone={zone} />
        {startedAt !== null && ` · ${duration(msBetween(startedAt, finishedAt))}`}
        {cost && (
          <>
            {' · '}
            <Cost cost={cost} />
          </>
        )}
      </p>
      <Actions run={run} reload={reload} />
    </>
  );
}

const TRIGGERS: Readonly<Record<string, string>> = {
  api: 'started by hand',
  schedule: 'started by its schedule',
  rerun: 'rerun of',
  webhook: 'started by a webhook',
  event: 'started by an event',
  run: 'started by the end of',
  step: 'does the work of a step of',
};

function Actions({ run, reload }: { run: RunView; reload: () => void }) {
  const [open, setOpen] = useState<'rerun' | 'diff'>();
  const close = (): void => setOpen(undefined);
  const cancel = async (): Promise<void> => {
    await cancelRun(run.id);
    reload();
  };
  const isOver = run.links.rerun !== null;
  return (
    <p class="buttons">
      {may('operator') && !isOver && (
        <ActionButton kind="danger" label="Cancel" done="Cancelled." action={cancel} />
      )}
      {may('operator') && isOver && (
        <button type="button" class="main" onClick={() => setOpen('rerun')}>
          Rerun…
        </button>
      )}
      <button type="button" onClick={() => setOpen('diff')}>
        Compare…
      </button>
      <button type="button" onClick={() => void copy('The curl command', asCurl(run))}>
        Copy as curl
      </button>
      <button type="button" onClick={() => void copy('The command line', asCommand(run))}>
        Copy as CLI
      </button>
      {open === 'rerun' && <RerunDialog run={run} close={close} />}
      {open === 'diff' && <DiffDialog run={run} close={close} />}
    </p>
  );
}

/** For a shell: nothing in single quotes means anything to it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Starts the same workflow with the same input; the key stays a variable of the shell. */
const asCurl = ({ workflowId, input }: RunView): string =>
  [
    `curl -X POST ${quoted(`${window.location.origin}/workflows/${encodeURIComponent(workflowId)}/runs`)}`,
    `-H "Authorization: Bearer $REVEILLE_API_KEY"`,
    `-H 'Content-Type: application/json'`,
    `-d ${quoted(JSON.stringify({ input: input ?? {} }))}`,
  ].join(' ');

const asCommand = ({ workflowId, input }: RunView): string =>
  `reveille runs start ${quoted(workflowId)} --input ${quoted(JSON.stringify(input ?? {}))} --url ${quoted(window.location.origin)}`;

/** The time, while something is under way. */
function useNow(moving: boolean): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!moving) return;
    const timer = window.setInterval(() => setNow(Date.now()), MOVING_MS);
    return () => window.clearInterval(timer);
  }, [moving]);
  return now;
}
