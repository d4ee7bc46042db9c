/** Sites for the crawler's tests, on loopback. */
import { createReadStream, existsSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { serve } from './agents';

export interface Site {
  url: string;
  /** Paths that were requested, with their time in milliseconds, in order. */
  requests: { method: string; path: string; at: number; userAgent: string | undefined }[];
  close: () => Promise<void>;
}

type Respond = (path: string, response: ServerResponse, request: IncomingMessage) => void;

export async function startSite(respond: Respond): Promise<Site> {
  const requests: Site['requests'] = [];
  const server = await serve((request, response) => {
    const path = request.url ?? '/';
    const userAgent = request.headers['user-agent'];
    requests.push({ method: request.method ?? '', path, at: performance.now(), userAgent });
    respond(path, response, request);
  });
  return { ...server, requests };
}

/** The pages that the npm package startbootstrap-sb-admin ships. */
export function startDocumentationSite(): Promise<Site> {
  const root = join(dirname(require.resolve('startbootstrap-sb-admin/package.json')), 'dist');
  return startSite((path, response) => {
    const file = join(root, path === '/' ? 'index.html' : decodeURIComponent(path.replace(/\?.*/, '')));
    if (!file.startsWith(root) || !existsSync(file)) return html(response, '<title>Not here</title>', 404);
    response.writeHead(200, { 'content-type': file.endsWith('.html') ? 'text/html' : 'text/plain' });
    createReadStream(file).pipe(response);
  });
}

export function html(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' }).end(body);
}

export function redirect(response: ServerResponse, location: string, status = 302): void {
  response.writeHead(status, { location }).end();
}
