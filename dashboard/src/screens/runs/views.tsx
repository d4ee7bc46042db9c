/** The saved views: one click leads to their filters. */
import { useState } from 'preact/hooks';
import { Dialog } from '../../parts/dialog';
import { MAX_NAME, parseViews, withView, type SavedView } from './saved';

const KEY = 'reveille-run-views';
const loadViews = (): SavedView[] => parseViews(localStorage.getItem(KEY));

export function Views({ query }: { query: Record<string, string> }) {
  const [views, setViews] = useState(loadViews);
  const [open, setOpen] = useState(false);
  const here = new URLSearchParams(query).toString();
  const keep = (next: SavedView[]): void => {
    localStorage.setItem(KEY, JSON.stringify(next));
    setViews(next);
  };
  return (
    <div class="counts" role="group" aria-label="Saved views">
      {views.map((view) => (
        <span key={view.name} class="view">
          <a
            href={view.query === '' ? '/app/runs' : `/app/runs?${view.query}`}
            aria-current={view.query === here ? 'true' : undefined}
          >
            {view.name}
          </a>
          <button
            type="button"
            class="plain small"
            aria-label={`Remove the view ${view.name}`}
            onClick={() => keep(views.filter(({ name }) => name !== view.name))}
          >
            ✕
          </button>
        </span>
      ))}
      <button type="button" class="small" onClick={() => setOpen(true)}>
        Save view…
      </button>
      {open && (
        <SaveDialog
          save={(name) => keep(withView(views, { name, query: here }))}
          close={() => setOpen(false)}
        />
      )}
    </div>
  );
}

function SaveDialog({ save, close }: { save: (name: string) => void; close: () => void }) {
  const [name, setName] = useState('');
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    save(name.trim());
    close();
  };
  return (
    <Dialog title="Save these filters as a view" onClose={close}>
      <form onSubmit={submit}>
        <label>
          Name
          <input
            value={name}
            maxLength={MAX_NAME}
            required
            autofocus
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <p class="hint">It is kept in this browser. The address of the page does the same for others.</p>
        <button class="main" disabled={name.trim() === ''}>
          Save
        </button>
      </form>
    </Dialog>
  );
}
