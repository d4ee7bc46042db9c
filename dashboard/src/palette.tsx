/** The command palette: every screen, what can be done on them, and runs by the beginning of their id. */
import { useState } from 'preact/hooks';
import { useCommands, type Command } from './palette-commands';
import { Dialog } from './parts/dialog';
import { go, runHref } from './router';

const MAX_SHOWN = 12;
const MAX_ANSWER = 500;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i;

export function Palette({ onClose }: { onClose: () => void }) {
  const all = useCommands();
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const [asking, setAsking] = useState<Command>();
  const wanted = text.trim().toLowerCase();
  const found = all.filter((c) => wanted.split(/\s+/).every((word) => c.text.toLowerCase().includes(word)));
  const search = { id: 'search', text: `Search runs for “${text.trim()}”` };
  const byText: Command[] =
    wanted === ''
      ? []
      : RUN_ID.test(wanted)
        ? [{ id: 'run', text: `Open run ${wanted}`, run: () => go(runHref(wanted)) }]
        : [{ ...search, run: () => go(`/app/runs?text=${encodeURIComponent(text.trim())}`) }];
  const commands = [...found.slice(0, MAX_SHOWN), ...byText];
  const at = Math.min(chosen, commands.length - 1);
  const choose = (command: Command | undefined): void => {
    if (!command) return;
    if (command.ask !== undefined) return setAsking(command);
    onClose();
    command.run('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setChosen((at + step + commands.length) % commands.length);
    else if (event.key === 'Enter') choose(commands[at]);
    else return;
    event.preventDefault();
  };
  if (asking) return <Asking command={asking} onClose={onClose} />;
  return (
    <Dialog title="Commands" onClose={onClose}>
      <input
        type="text"
        role="combobox"
        aria-label="Command or search"
        aria-expanded="true"
        aria-controls="palette"
        aria-activedescendant={`command-${at}`}
        placeholder="Type a command, a workflow, or anything to search runs for"
        autofocus
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
        }}
        onKeyDown={onKeyDown}
      />
      <ul id="palette" role="listbox" aria-label="Commands" class="palette">
        {commands.map((command, i) => (
          <li
            key={command.id}
            id={`command-${i}`}
            role="option"
            aria-selected={i === at}
            onClick={() => choose(command)}
          >
            {command.text}
          </li>
        ))}
      </ul>
    </Dialog>
  );
}

/** One word more before it is done. */
function Asking({ command, onClose }: { command: Command; onClose: () => void }) {
  const [answer, setAnswer] = useState('');
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onClose();
    command.run(answer.trim());
  };
  return (
    <Dialog title={command.text} onClose={onClose}>
      <form onSubmit={submit}>
        <label>
          {command.ask}
          <input
            type="text"
            autofocus
            maxLength={MAX_ANSWER}
            value={answer}
            onInput={(event) => setAnswer(event.currentTarget.value)}
          />
        </label>
        <button class="main" disabled={answer.trim() === ''}>
          {command.text}
        </button>
      </form>
    </Dialog>
  );
}
