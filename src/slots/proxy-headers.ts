/** Headers on their way through the proxy, as flat lists of names and values. */
import type { IncomingMessage } from 'node:http';

/** They concern one connection and end with it (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
/** What the proxy itself says of the client. */
const FORWARDED = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host']);
/** Never taken away by name: without them a body would end elsewhere, or the request go elsewhere. */
const NEEDED = new Set(['content-length', 'host']);
/** Without a body these have no length either. */
const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'CONNECT']);

/** `keep-alive` and what `Connection` names besides go too. */
function withoutHops(raw: readonly string[], also: ReadonlySet<string> = new Set()): string[] {
  const named = new Set<string>();
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === 'connection') {
      for (const name of (raw[i + 1] ?? '').split(',')) named.add(name.trim().toLowerCase());
    }
  }
  for (const name of NEEDED) named.delete(name);
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower) && !also.has(lower)) kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
}

/** What the app gets of a request's headers. */
export function forwardedHeaders(incoming: IncomingMessage, hasBody: boolean, upgrade = false): string[] {
  const { headers, socket } = incoming;
  // The proxy has said "continue" itself.
  const kept = withoutHops(incoming.rawHeaders, new Set([...FORWARDED, 'expect']));
  const before = headers['x-forwarded-for'];
  const client = socket.remoteAddress ?? 'unknown';
  kept.push('X-Forwarded-For', before === undefined ? client : `${String(before)}, ${client}`);
  kept.push('X-Forwarded-Proto', String(headers['x-forwarded-proto'] ?? 'http'));
  const host = headers['x-forwarded-host'] ?? headers.host;
  if (host !== undefined) kept.push('X-Forwarded-Host', String(host));
  if (upgrade) kept.push('Connection', 'Upgrade', 'Upgrade', String(headers.upgrade ?? ''));
  else kept.push('Connection', 'keep-alive');
  // The body is framed anew, for this connection, and never left to guessing.
  if (hasBody && headers['content-length'] === undefined) kept.push('Transfer-Encoding', 'chunked');
  else if (!hasBody && !upgrade && !BODILESS.has(incoming.method ?? 'GET')) kept.push('Content-Length', '0');
  return kept;
}

/** What the client gets of an answer's headers. */
export const answerHeaders = (raw: readonly string[]): string[] => withoutHops(raw);

/** The head of an answer to an upgrade, for a socket that no longer belongs to a server. */
export function upgradeHead(answer: IncomingMessage): string {
  const accepted = answer.statusCode === 101;
  const headers = withoutHops(answer.rawHeaders);
  headers.push('Connection', accepted ? 'Upgrade' : 'close');
  if (accepted) headers.push('Upgrade', String(answer.headers.upgrade ?? 'websocket'));
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
