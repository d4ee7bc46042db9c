/** The proxy by itself, before an upstream that answers in pieces. */
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Proxy } from '../../src/slots/proxy';
import { Upstream } from '../../src/slots/upstream';
import { freePort } from '../support/ports';
import { until } from '../support/until';

let app: Server;
let proxy: Proxy;
let upstream: Upstream;
let port: number;
/** What the app does with a request. */
let behave: (response: ServerResponse) => void;

beforeAll(async () => {
  app = createServer((_, response) => behave(response)).listen(0, '127.0.0.1');
  await once(app, 'listening');
  port = await freePort();
  proxy = new Proxy({ port, host: '127.0.0.1' });
  upstream = new Upstream({ port: (app.address() as AddressInfo).port });
  proxy.flip(upstream);
  await proxy.open();
});
afterAll(async () => {
  upstream.cut();
  await proxy.close();
  app.closeAllConnections();
  app.close();
});

async function ask(): Promise<IncomingMessage> {
  const [answer] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [
    IncomingMessage,
  ];
  return answer;
}
const text = async (answer: IncomingMessage) => (await answer.setEncoding('utf8').toArray()).join('');

it('passes a head on before there is a body, of whatever length', async () => {
  for (const headers of [{ 'content-length': '4' }, {}]) {
    let finish: () => void = () => undefined;
    behave = (response) => {
      response.writeHead(200, headers).flushHeaders();
      finish = () => response.end('body');
    };
    const answer = await ask();
    expect(answer.statusCode).toBe(200);
    finish();
    expect(await text(answer)).toBe('body');
  }
});

it('passes on answers without a body, and long ones to a client that reads slowly', async () => {
  behave = (response) => response.writeHead(204).end();
  const empty = await ask();
  expect([empty.statusCode, await text(empty)]).toEqual([204, '']);

  const long = 'x'.repeat(8 * 1024 * 1024);
  behave = (response) => response.end(long);
  const answer = await ask();
  answer.pause();
  await once(answer, 'readable');
  expect((await text(answer)).length).toBe(long.length);
});

it('breaks off where the app does', async () => {
  behave = (response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('half', () => response.destroy());
  };
  await expect(ask().then(text)).rejects.toThrow('aborted');
  await until(() => upstream.busy === 0, { what: 'the end of it for the upstream' });
});
