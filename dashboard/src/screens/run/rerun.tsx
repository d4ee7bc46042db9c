/** Starts a run again from a step, with its input as edited here. */
import { useState } from 'preact/hooks';
import { asProblem, type Problem } from '../../api/client';
import type { RunView } from '../../api/types';
import { tell } from '../../parts/actions';
import { Dialog } from '../../parts/dialog';
import { ProblemView } from '../../parts/query-view';
import { rerunRun } from '../../parts/runs-actions';
import { go, runHref } from '../../router';

interface Props {
  run: RunView;
  /** Chosen at first; without, the first step that did not succeed. */
  from?: string;
  close: () => void;
}

export function RerunDialog({ run, from, close }: Props) {
  const undone = run.steps.find(({ status }) => status !== 'succeeded' && status !== 'skipped');
  const [fromStep, setFromStep] = useState(from ?? (undone ?? run.steps[0])?.id ?? '');
  const [text, setText] = useState(() => JSON.stringify(run.input ?? {}, null, 2));
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  // One key while this dialog is open: sent twice, it is still one run. An edit is another request.
  const key = `${run.id}-${hash(fromStep + text)}`;
  const [opened] = useState(() => crypto.randomUUID());

  const start = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const input = objectOf(text);
    if (typeof input === 'string') {
      return setProblem({
        status: 0,
        code: 'input',
        title: 'The input is not a JSON object.',
        detail: input,
      });
    }
    setBusy(true);
    try {
      const made = await rerunRun(run.id, { fromStep, input }, `${opened}-${key}`);
      tell({ text: `Started again from step ${fromStep}.` });
      close();
      go(runHref(made.id));
    } catch (error) {
      setProblem(asProblem(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Rerun" onClose={close}>
      <form onSubmit={(event) => void start(event)}>
        <label>
          From step
          <select value={fromStep} onChange={(event) => setFromStep(event.currentTarget.value)}>
            {run.steps.map(({ id, status }) => (
              <option key={id} value={id}>
                {id} ({status})
              </option>
            ))}
          </select>
        </label>
        <label>
          Input, merged over the old one
          <textarea
            rows={12}
            spellcheck={false}
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        {run.input === null && (
          <p class="dim">The old input was removed after the retention time; the orchestrator may refuse.</p>
        )}
        {problem && <ProblemView problem={problem} />}
        <button class="main" disabled={busy}>
          {busy ? 'Starting…' : 'Rerun'}
        </button>
      </form>
    </Dialog>
  );
}

/** A text says what is wrong with it. */
function objectOf(text: string): Record<string, unknown> | string {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    return 'It has to begin with { and end with }.';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Tells texts apart; no secret is in it. */
const hash = (text: string): string =>
  [...text].reduce((sum, sign) => (Math.imul(sum, 31) + (sign.codePointAt(0) ?? 0)) | 0, 7).toString(36);
