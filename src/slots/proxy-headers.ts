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
/** What the proxy says itself: of the client, and "continue". */
const SAID_ANEW = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'expect']);
const NONE: ReadonlySet<string> = new Set();
/** Never taken away by name: without them a body would end elsewhere, or the request go elsewhere. */
const NEEDED = new Set(['content-length', 'host']);
/** Without a body these have no length either. */
const BODILESS = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE', 'TRACE', 'CONNECT']);

/** Without what concerns the one connection, what `Connection` names besides, and `also`. */
function withoutHops(
  { rawHeaders: raw, headers }: IncomingMessage,
  also: ReadonlySet<string> = NONE,
): string[] {
  const named = namedBy(headers.connection);
  const kept: string[] = [];
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const lower = name.toLowerCase();
    if (!HOP_BY_HOP.has(lower) && !named.has(lower) && !also.has(lower)) kept.push(name, raw[i + 1] ?? '');
  }
  return kept;
}

function namedBy(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined || /^(?:keep-alive|close)$/i.test(connection)) return NONE;
  const names = connection.split(',').map((name) => name.trim().toLowerCase());
  return new Set(names.filter((name) => !NEEDED.has(name)));
}

/** What the app gets of a request's headers. */
export function forwardedHeaders(incoming: IncomingMessage, hasBody: boolean, upgrade = false): string[] {
  const { headers, socket } = incoming;
  const kept = withoutHops(incoming, SAID_ANEW);
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
export const answerHeaders = (answer: IncomingMessage): string[] => withoutHops(answer);

/** The head of an answer to an upgrade, for a socket that no longer belongs to a server. */
export function upgradeHead(answer: IncomingMessage): string {
  const accepted = answer.statusCode === 101;
  const headers = withoutHops(answer);
  headers.push('Connection', accepted ? 'Upgrade' : 'close');
  if (accepted) headers.push('Upgrade', String(answer.headers.upgrade ?? 'websocket'));
  const lines = [`HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}`];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
