/** A collector on this machine: takes OTLP over HTTP as JSON and keeps the spans. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';

export interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: Array<{ key: string; value: Record<string, unknown> }>;
  links?: Array<{ traceId: string; spanId: string }>;
  status: { code?: number; message?: string };
}

interface Post {
  resourceSpans: Array<{
    resource: { attributes: Span['attributes'] };
    scopeSpans: Array<{ spans: Span[] }>;
  }>;
}

export interface Collector {
  readonly url: string;
  readonly spans: Span[];
  readonly posts: Array<{ path: string; headers: IncomingHttpHeaders; resource: Span['attributes'] }>;
  /** Answers with this status from now on. */
  answer(status: number): void;
  close(): Promise<void>;
}

export async function startCollector(): Promise<Collector> {
  let status = 200;
  const spans: Span[] = [];
  const posts: Collector['posts'] = [];
  const server = createServer((request, response) => {
    void (async () => {
      const body = (await json(request)) as Post;
      if (status === 200) {
        for (const { resource, scopeSpans } of body.resourceSpans) {
          posts.push({ path: request.url ?? '', headers: request.headers, resource: resource.attributes });
          for (const scope of scopeSpans) spans.push(...scope.spans);
        }
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    })().catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    posts,
    answer: (next) => (status = next),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
