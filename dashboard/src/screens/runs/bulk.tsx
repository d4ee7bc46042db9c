/** Many runs at once: cancel and rerun those selected, replay those that fit the filters. Shown before it is done. */
import { useState } from 'preact/hooks';
import { asProblem, post, type Problem } from '../../api/client';
import type { Replay, RunSummary } from '../../api/types';
import { tell } from '../../parts/actions';
import { Dialog } from '../../parts/dialog';
import { Loading, ProblemView } from '../../parts/query-view';
import { cancelRun, each, rerunRun } from '../../parts/runs-actions';

const OVER = ['succeeded', 'failed', 'cancelled'];
const MAX_LISTED = 8;

interface Props {
  filter: Record<string, string>;
  selected: readonly RunSummary[];
  clear: () => void;
}

export function BulkBar({ filter, selected, clear }: Props) {
  const [open, setOpen] = useState<'cancel' | 'rerun' | 'replay'>();
  const under = selected.filter(({ status }) => !OVER.includes(status));
  const over = selected.filter(({ status }) => OVER.includes(status));
  const close = (): void => setOpen(undefined);
  const finish = (): void => {
    close();
    clear();
  };
  return (
    <div class="bulk" role="group" aria-label="Many runs at once">
      <button type="button" disabled={under.length === 0} onClick={() => setOpen('cancel')}>
        Cancel {under.length || ''}
      </button>
      <button type="button" disabled={over.length === 0} onClick={() => setOpen('rerun')}>
        Rerun {over.length || ''}
      </button>
      <button type="button" onClick={() => setOpen('replay')}>
        Replay what fits…
      </button>
      <span class="dim">{selected.length === 0 ? 'Nothing selected' : `${selected.length} selected`}</span>
      {open === 'cancel' && (
        <EachDialog verb="Cancel" runs={under} action={cancelRun} close={close} finish={finish} />
      )}
      {open === 'rerun' && (
        <EachDialog
          verb="Rerun"
          runs={over}
          action={(id) => rerunRun(id, {}, crypto.randomUUID())}
          close={close}
          finish={finish}
        />
      )}
      {open === 'replay' && <ReplayDialog filter={filter} close={close} />}
    </div>
  );
}

interface EachProps {
  verb: string;
  runs: readonly RunSummary[];
  action: (id: string) => Promise<unknown>;
  close: () => void;
  finish: () => void;
}

function EachDialog({ verb, runs, action, close, finish }: EachProps) {
  const [busy, setBusy] = useState(false);
  const perform = async (): Promise<void> => {
    setBusy(true);
    const { done, failed, reason } = await each(
      runs.map(({ id }) => id),
      action,
    );
    const text = `${verb}: ${done} done${failed > 0 ? `, ${failed} failed` : ''}.`;
    tell({ text, ...(failed > 0 && { problem: asProblem(reason) }) });
    finish();
  };
  const more = runs.length - MAX_LISTED;
  return (
    <Dialog title={`${verb} ${runs.length} ${runs.length === 1 ? 'run' : 'runs'}?`} onClose={close}>
      <ul class="plain">
        {runs.slice(0, MAX_LISTED).map(({ id, workflowId, status }) => (
          <li key={id}>
            <code>{id.slice(0, 8)}</code> {workflowId}, {status}
          </li>
        ))}
        {more > 0 && <li>and {more} more</li>}
      </ul>
      <button type="button" class="main" disabled={busy} onClick={() => void perform()}>
        {busy ? 'Working…' : verb}
      </button>
    </Dialog>
  );
}

function ReplayDialog({ filter, close }: { filter: Record<string, string>; close: () => void }) {
  const [fromStep, setFromStep] = useState<'failed' | 'start'>('failed');
  const [preview, setPreview] = useState<Replay>();
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const { workflowId, createdAfter, status = 'failed', text } = filter;
  const request = {
    filter: { ...(workflowId && { workflowId }), ...(createdAfter && { createdAfter }), status },
    fromStep,
  };
  const attempt = async (action: () => Promise<void>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    await action().catch((error: unknown) => setProblem(asProblem(error)));
    setBusy(false);
  };
  const look = () =>
    attempt(async () => setPreview(await post<Replay>('/replays', { ...request, preview: true })));
  const start = () =>
    attempt(async () => {
      // Not those that were created since the preview.
      const seen = { ...request.filter, ...(preview && { createdBefore: preview.createdAt }) };
      const replay = await post<Replay>('/replays', { ...request, filter: seen }, crypto.randomUUID());
      tell({ text: `${replay.count} runs are started again, a few at a time.` });
      close();
    });
  if (!OVER.includes(status)) {
    return (
      <Dialog title="Replay" onClose={close}>
        <p>Only runs that are over can be replayed. Choose failed, cancelled or succeeded above.</p>
      </Dialog>
    );
  }
  return (
    <Dialog title={`Replay ${status} runs`} onClose={close}>
      <p>
        Runs that are {status}
        {workflowId ? ` of ${workflowId}` : ''}, newest first, at most 100.
        {text !== undefined && ' The text searched for is not looked at here.'}
      </p>
      <label>
        Begin{' '}
        <select
          value={fromStep}
          onChange={(event) => {
            setFromStep(event.currentTarget.value === 'start' ? 'start' : 'failed');
            setPreview(undefined);
          }}
        >
          <option value="failed">at the first step that did not succeed</option>
          <option value="start">from the start</option>
        </select>
      </label>
      {busy && <Loading />}
      {problem && <ProblemView problem={problem} />}
      {preview && <Preview preview={preview} />}
      <p class="buttons">
        <button type="button" disabled={busy} onClick={() => void look()}>
          Preview
        </button>
        <button
          type="button"
          class="main"
          disabled={busy || !preview || preview.waiting === 0}
          onClick={() => void start()}
        >
          Replay {preview?.waiting ?? ''}
        </button>
      </p>
    </Dialog>
  );
}

const Preview = ({ preview: { waiting, skipped, more, runs } }: { preview: Replay }) => (
  <div role="status">
    <p>
      <strong>{waiting}</strong> would be started again, {skipped} passed over
      {more ? '; others fit, too' : ''}.
    </p>
    <ul class="plain">
      {runs.slice(0, MAX_LISTED).map(({ runId, reason, error }) => (
        <li key={runId}>
          <code>{runId.slice(0, 8)}</code> {reason ?? error ?? ''}
        </li>
      ))}
    </ul>
  </div>
);
