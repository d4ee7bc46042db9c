/** Things that change something: one at a time, told when done, and told why when not. */
import { useState } from 'preact/hooks';
import { asProblem, type Problem } from '../api/client';
import { store, useStore } from '../live/store';

interface Told {
  text: string;
  problem?: Problem;
}

const told = store<Told | undefined>(undefined);
const SHOWN_MS = 6_000;
let timer: number | undefined;

export function tell(next: Told): void {
  told.set(next);
  window.clearTimeout(timer);
  if (!next.problem) timer = window.setTimeout(() => told.set(undefined), SHOWN_MS);
}

export function Toast() {
  const current = useStore(told);
  return (
    <div class="toast-place" role="status" aria-live="polite">
      {current && (
        <div class={`toast ${current.problem ? 'tone-bad' : 'tone-good'}`}>
          <span>
            <span aria-hidden="true">{current.problem ? '✕ ' : '✓ '}</span>
            {current.text}
            {current.problem && <span> {current.problem.hint}</span>}
          </span>
          <button type="button" class="plain" aria-label="Dismiss" onClick={() => told.set(undefined)}>
            ✕
          </button>
        </div>
      )}
    </div>
  );
}

/** Performs an action and tells what came of it. Answers undefined when it failed. */
export async function act<T>(
  done: string | ((result: T) => string),
  action: () => Promise<T>,
): Promise<T | undefined> {
  try {
    const result = await action();
    tell({ text: typeof done === 'string' ? done : done(result) });
    return result;
  } catch (error) {
    const problem = asProblem(error);
    tell({ text: problem.detail ?? problem.title, problem });
    return undefined;
  }
}

interface ButtonProps<T> {
  label: string;
  done: string | ((result: T) => string);
  action: () => Promise<T>;
  kind?: 'main' | 'danger';
  disabled?: boolean;
}

export function ActionButton<T>({ label, done, action, kind, disabled = false }: ButtonProps<T>) {
  const [busy, setBusy] = useState(false);
  const click = async (): Promise<void> => {
    setBusy(true);
    await act(done, action);
    setBusy(false);
  };
  return (
    <button type="button" class={kind ?? ''} disabled={busy || disabled} onClick={() => void click()}>
      {busy ? `${label}…` : label}
    </button>
  );
}

export async function copy(what: string, text: string): Promise<void> {
  await act(`${what} is in the clipboard.`, () => navigator.clipboard.writeText(text));
}
