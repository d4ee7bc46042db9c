/** Dark or light: the system's choice, until somebody chooses here. */
export type Theme = 'system' | 'light' | 'dark';
const KEY = 'reveille-theme';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

export function theme(): Theme {
  const kept = localStorage.getItem(KEY);
  return THEMES.find((t) => t === kept) ?? 'system';
}

export function applyTheme(chosen: Theme = theme()): void {
  document.documentElement.dataset.theme = chosen;
}

export function nextTheme(): Theme {
  const next = THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length] ?? 'system';
  localStorage.setItem(KEY, next);
  applyTheme(next);
  return next;
}
