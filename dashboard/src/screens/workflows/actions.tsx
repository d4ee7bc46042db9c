/** Run now, and pause: a switch on the workflow, with a word why. */
import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import type { RunView, Switch } from '../../api/types';
import { act, ActionButton } from '../../parts/actions';
import { Dialog } from '../../parts/dialog';
import { MessageField } from '../../parts/message-field';
import { releaseSwitch, turnOff } from '../../parts/switches';
import { go, runHref } from '../../router';
import { may } from '../../session';

interface Props {
  id: string;
  name: string;
  paused: Switch | undefined;
  reload: () => void;
}

export function WorkflowActions({ id, name, paused, reload }: Props) {
  const [open, setOpen] = useState<'run' | 'pause'>();
  if (!may('operator')) return null;
  const close = (): void => setOpen(undefined);
  const resume = async (): Promise<void> => {
    if (paused) await releaseSwitch(paused.id);
    reload();
  };
  return (
    <span class="buttons">
      <button type="button" aria-label={`Run now… ${name}`} onClick={() => setOpen('run')}>
        Run now…
      </button>
      {paused ? (
        <ActionButton label="Resume" kind="main" done={`${name} goes on.`} action={resume} />
      ) : (
        <button type="button" aria-label={`Pause… ${name}`} onClick={() => setOpen('pause')}>
          Pause…
        </button>
      )}
      {open === 'run' && <RunDialog id={id} name={name} close={close} />}
      {open === 'pause' && <PauseDialog id={id} name={name} close={close} reload={reload} />}
    </span>
  );
}

function RunDialog({ id, name, close }: { id: string; name: string; close: () => void }) {
  const [text, setText] = useState('{}');
  const [wrong, setWrong] = useState<string>();
  // One key for the dialog: a second click starts nothing more.
  const [key] = useState(() => crypto.randomUUID());
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const input = objectOf(text);
    if (!input) return setWrong('The input is not a JSON object.');
    const path = `/workflows/${encodeURIComponent(id)}/runs`;
    const run = await act(`${name} has started.`, () => post<RunView>(path, { input }, key));
    if (!run) return;
    close();
    go(runHref(run.id));
  };
  return (
    <Dialog title={`Run ${name} now`} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <label>
          Input, merged over the workflow’s own
          <textarea rows={6} value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        {wrong !== undefined && (
          <p class="bad" role="alert">
            {wrong}
          </p>
        )}
        <button class="main">Run</button>
      </form>
    </Dialog>
  );
}

function objectOf(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined; // said beside the field
  }
}

function PauseDialog({ id, name, close, reload }: Omit<Props, 'paused'> & { close: () => void }) {
  const [message, setMessage] = useState('');
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const wanted = { scope: 'workflow', subject: id, message: message.trim() } as const;
    if (!(await act(`${name} is paused.`, () => turnOff(wanted)))) return;
    close();
    reload();
  };
  return (
    <Dialog title={`Pause ${name}?`} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="hint">
          What is due stays in line and runs once it is resumed. To pause it for a time only, use{' '}
          <a href="/app/switches">Switches</a>.
        </p>
        <MessageField label="Why, for everybody who finds it held" value={message} onChange={setMessage} />
        <button class="danger" disabled={message.trim() === ''}>
          Pause
        </button>
      </form>
    </Dialog>
  );
}
