/** The command palette: every screen, every workflow to start, and runs by the beginning of their id. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { post } from './api/client';
import { useQuery } from './api/query';
import type { Page, RunView, Workflow } from './api/types';
import { act } from './parts/actions';
import { Dialog } from './parts/dialog';
import { go, runHref } from './router';
import { SCREENS, screenHref } from './screens';
import { may } from './session';
import { nextTheme } from './theme';

interface Command {
  id: string;
  text: string;
  run: () => unknown;
}

const MAX_SHOWN = 12;
const RUN_ID = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i;

function commandsFor(workflows: readonly Workflow[]): Command[] {
  return [
    ...SCREENS.map((screen) => ({
      id: `go-${screen.path}`,
      text: `Go to ${screen.title}`,
      run: () => go(screenHref(screen)),
    })),
    { id: 'failed', text: 'Show failed runs', run: () => go('/app/runs?status=failed') },
    { id: 'theme', text: 'Change the theme', run: nextTheme },
    { id: 'docs', text: 'Open the API reference', run: () => window.location.assign('/docs') },
    ...(may('operator') ? workflows : []).map(({ id, name }) => ({
      id: `start-${id}`,
      text: `Start ${name}`,
      run: async () => {
        const run = await act(`${name} has started.`, () =>
          post<RunView>(`/workflows/${encodeURIComponent(id)}/runs`, {}, crypto.randomUUID()),
        );
        if (run) go(runHref(run.id));
      },
    })),
  ];
}

export function Palette({ onClose }: { onClose: () => void }) {
  const { data } = useQuery<Page<Workflow>>('/workflows');
  const [text, setText] = useState('');
  const [chosen, setChosen] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const all = useMemo(() => commandsFor(data?.items ?? []), [data]);
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
    onClose();
    command.run();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) setChosen((at + step + commands.length) % commands.length);
    else if (event.key === 'Enter') choose(commands[at]);
    else return;
    event.preventDefault();
  };
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
      <ul id="palette" role="listbox" aria-label="Commands" class="palette" ref={list}>
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
