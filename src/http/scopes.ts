/** Which route asks for which right, and the table of it that docs/security.md shows. */
import { holds, SCOPES, type Scope } from '../domain/scope';
import type { Access, Route } from './route';

/** The scope an access asks for. @throws RangeError when it asks for none */
export function scopeOf(access: Access): Scope {
  const scope = access === 'key' ? 'admin' : SCOPES.find((s) => s === access);
  if (scope === undefined) throw new RangeError(`${access} asks for no scope`);
  return scope;
}

/** Whether a route is for people and their keys. */
export const asksForScope = ({ access }: Pick<Route, 'access'>): boolean =>
  access === 'key' || SCOPES.some((scope) => scope === access);

/** What proves who calls on the other routes. */
const OTHER_PROOF: Record<Exclude<Access, Scope | 'key'>, string> = {
  login: 'a key in the body',
  provider: "a provider's code",
  callback: 'the token of its URL',
  agent: "an agent's secret",
  hook: 'a signature or token',
  inbox: 'nothing, where the inbox is on',
  open: 'nothing',
};

/** The table of routes and scopes, in Markdown, cells padded. */
export function scopeTable(routes: readonly Route[]): string {
  const head = ['route', 'without a key', ...SCOPES];
  const rows = routes.map((route) => {
    const name = `\`${route.method.toUpperCase()} ${route.path.replace(/:(\w+)/g, '{$1}')}\``;
    const { access } = route;
    if (!asksForScope(route)) {
      const proof = OTHER_PROOF[access as keyof typeof OTHER_PROOF];
      return [name, proof, ...SCOPES.map(() => '')];
    }
    return [name, '401', ...SCOPES.map((held) => (holds([held], scopeOf(access)) ? 'yes' : '403'))];
  });
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** docs/security.md with the table as the routes have it now: it is what the file ends with. */
export function withScopeTable(text: string, routes: readonly Route[]): string {
  const at = text.indexOf('| route ');
  if (at < 0) throw new RangeError('docs/security.md has no table that begins with "| route"');
  return `${text.slice(0, at)}${scopeTable(routes)}\n`;
}
