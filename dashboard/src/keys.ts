/** The keyboard: single keys and two in a row, never while something is typed. */
import { useLayoutEffect } from 'preact/hooks';

/** `j`, `?`, or two keys with a blank between: `g r`. */
export type Keys = Record<string, (event: KeyboardEvent) => void>;

const SECOND_KEY_MS = 1_500;
const bound = new Set<Keys>();
let first: { key: string; at: number } | undefined;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

document.addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.altKey) return;
  const isPalette = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k';
  if (isPalette) return run('mod k', event);
  if (event.ctrlKey || event.metaKey || isTyping(event.target)) return;
  // In a dialog only its own keys count.
  if (document.querySelector('dialog[open]')) return;
  const before = first && Date.now() - first.at < SECOND_KEY_MS ? first.key : undefined;
  first = before === undefined ? { key: event.key, at: Date.now() } : undefined;
  if (before !== undefined && find(`${before} ${event.key}`)) return run(`${before} ${event.key}`, event);
  run(event.key, event);
});

/** What was bound last comes first: a screen's keys before those of the page. */
const find = (keys: string) => [...bound].reverse().find((map) => map[keys] !== undefined)?.[keys];

function run(keys: string, event: KeyboardEvent): void {
  const action = find(keys);
  if (!action) return;
  first = undefined;
  event.preventDefault();
  action(event);
}

/** Bound as soon as what they act on is in the page: a key is never lost between the two. */
export function useKeys(keys: Keys): void {
  useLayoutEffect(() => {
    bound.add(keys);
    return () => void bound.delete(keys);
  });
}
