/** Any JSON, readable first, as it is second. Everything is text: nothing in it is ever markup. */
import { useState } from 'preact/hooks';
import { copy } from './actions';

const MAX_DEPTH = 4;
const MAX_ITEMS = 100;

export function ValueView({ value, name }: { value: unknown; name: string }) {
  const [raw, setRaw] = useState(false);
  const text = JSON.stringify(value, null, 2);
  return (
    <div class="value">
      <div class="row end">
        <button type="button" class="small" aria-pressed={raw} onClick={() => setRaw(!raw)}>
          JSON
        </button>
        <button type="button" class="small" onClick={() => void copy(name, text)}>
          Copy
        </button>
      </div>
      {raw ? <Pre text={text} name={name} /> : <Readable value={value} depth={0} />}
    </div>
  );
}

/** A box that scrolls can be reached by the keyboard, too. */
export const Pre = ({ text, name }: { text: string; name: string }) => (
  <pre tabIndex={0} role="region" aria-label={name}>
    {text}
  </pre>
);

function Readable({ value, depth }: { value: unknown; depth: number }) {
  if (value === null || value === undefined) return <span class="dim">none</span>;
  if (typeof value === 'string') return <span class="text">{value === '' ? '""' : value}</span>;
  if (typeof value !== 'object') return <code>{JSON.stringify(value)}</code>;
  const entries: Array<[string, unknown]> = Object.entries(value);
  if (entries.length === 0) return <span class="dim">{Array.isArray(value) ? 'empty list' : 'nothing'}</span>;
  if (depth >= MAX_DEPTH) return <code>{JSON.stringify(value)}</code>;
  const more = entries.length - MAX_ITEMS;
  return (
    <dl class={Array.isArray(value) ? 'list' : ''}>
      {entries.slice(0, MAX_ITEMS).map(([key, member]) => (
        <div key={key}>
          <dt>{Array.isArray(value) ? `${Number(key) + 1}.` : key}</dt>
          <dd>
            <Readable value={member} depth={depth + 1} />
          </dd>
        </div>
      ))}
      {more > 0 && (
        <div>
          <dt>…</dt>
          <dd class="dim">{more} more; JSON shows them all</dd>
        </div>
      )}
    </dl>
  );
}
