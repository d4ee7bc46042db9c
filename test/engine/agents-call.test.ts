/** One call of an agent: what ends it, and that what was called off never reaches anybody. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { Held, perform, type Call } from '../../src/engine/agents-call';

let answer: (req: IncomingMessage, res: ServerResponse) => void;
let seen: string[];
let server: Server;
let dispatcher: Agent;
beforeEach(async () => {
  seen = [];
  server = createServer((req, res) => {
    seen.push(`${req.method} ${req.url}`);
    answer(req, res);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  dispatcher = new Agent({ connections: 1, pipelining: 1 });
});
afterEach(async () => {
  await dispatcher.destroy();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const call = (path: string, more: Partial<Call> = {}) =>
  perform(dispatcher, {
    method: 'POST',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`,
    timeoutMs: 10_000,
    ...more,
  });

it('sends JSON and answers what came, parsed where it is JSON', async () => {
  answer = (req, res) => {
    let sent = '';
    req.on('data', (chunk: Buffer) => (sent += chunk.toString()));
    req.on('end', () => res.writeHead(429, { 'retry-after': '3' }).end(sent === '' ? 'busy' : sent));
  };
  const said = await call('/run?a=1', { body: { runId: 'é' } });
  expect(said).toMatchObject({ code: 429, headers: { 'retry-after': '3' }, body: { runId: 'é' } });
  expect((await call('/run')).body).toBe('busy');
  expect(seen).toEqual(['POST /run?a=1', 'POST /run']);
});

it('takes the answer that follows an early hint', async () => {
  answer = (_req, res) => {
    res.writeEarlyHints({ link: '</a>; rel=preload' }, () => res.writeHead(202).end('{}'));
  };
  expect(await call('/run')).toMatchObject({ code: 202, body: {} });
});

it('gives up an answer that is too large, and one that does not come', async () => {
  answer = (req, res) => void (req.url === '/large' ? res.end('x'.repeat(200)) : res.flushHeaders());
  await expect(call('/large', { maxBytes: 100 })).rejects.toThrow('an answer over 100 bytes');
  await expect(call('/slow', { timeoutMs: 50 })).rejects.toThrow('no answer within 50 ms');
});

it('writes nothing that may no longer begin, and keeps the connection for what may', async () => {
  answer = (_req, res) => res.end('{}');
  let connections = 0;
  server.on('connection', () => (connections += 1));
  await expect(call('/run', { mayBegin: () => false })).rejects.toBeInstanceOf(Held);
  expect((await call('/after')).code).toBe(200);
  expect(seen).toEqual(['POST /after']);
  expect(connections).toBe(1);
});

it('does not begin what ran out of time while the connection was taken', async () => {
  let release: () => void = () => undefined;
  answer = (req, res) => {
    if (req.url === '/first') release = () => res.end('{}');
    else res.end('{}');
  };
  let connections = 0;
  server.on('connection', () => (connections += 1));
  const first = call('/first');
  await once(server, 'request');
  await expect(call('/second', { timeoutMs: 50 })).rejects.toThrow('no answer within 50 ms');
  release();
  expect((await first).code).toBe(200);
  expect((await call('/third')).code).toBe(200);
  expect(seen).toEqual(['POST /first', 'POST /third']);
  expect(connections).toBe(1);
});

it('tells why nobody could be reached', async () => {
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  const refused = perform(dispatcher, { method: 'GET', url: `http://127.0.0.1:${port}/`, timeoutMs: 10_000 });
  await expect(refused).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
