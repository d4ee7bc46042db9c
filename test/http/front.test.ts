/** Results in front of Express are answered as Express answers them, to the byte, whatever comes. */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AgentRunRequest } from '../../src/contract';
import { inFront } from '../../src/http/front';
import { startServer } from '../../src/http/server';
import { resultOf, startApi, webhookPath, type Api } from './support/api';
import { START } from './support/clock';

/** Where deliveries are written down, Express answers all of them. */
const MODES = { front: { inbox: false }, express: {} } as const;

let api: { front: Api; express: Api };
let job: { front: AgentRunRequest; express: AgentRunRequest };
beforeEach(async () => {
  const limits = { failuresPerSecond: 0.01, failureBurst: 2 };
  const [front, express] = await Promise.all([
    startApi({ ...MODES.front, limits }),
    startApi({ ...MODES.express, limits }),
  ]);
  api = { front, express };
  await Promise.all([front.startRun(), express.startRun()]);
  job = { front: await front.cloud.nextJob(), express: await express.cloud.nextJob() };
});
afterEach(() => Promise.all([api.front.close(), api.express.close()]));

interface Request {
  method?: string;
  path: string;
  headers?: string[];
  body?: string;
}

/** The whole answer to a request as it is written here, less what differs between any two answers. */
async function ask(
  one: Pick<Api, 'port'>,
  { method = 'POST', path, headers = [], body = '' }: Request,
): Promise<string> {
  const socket = connect(one.port, '127.0.0.1');
  const given = ['Host: localhost', 'Connection: close', ...headers].join('\r\n');
  socket.end(`${method} ${path} HTTP/1.1\r\n${given}\r\n\r\n${body}`);
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(socket, 'close');
  const differs = /^(X-Request-Id|Date): .*$/gim;
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const lines = head.replace(differs, '$1').split('\r\n').sort();
  return [...lines, ...rest].join('\n').replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>');
}

type Make = (of: AgentRunRequest, one: Api) => Request;

const JSON_TYPE = 'Content-Type: application/json';
const plain = (path: string, body: string, ...headers: string[]): Request => ({
  path,
  body,
  headers: [`Content-Length: ${Buffer.byteLength(body)}`, ...(headers.length > 0 ? headers : [JSON_TYPE])],
});
const result = (of: AgentRunRequest, change = {}) => JSON.stringify({ ...resultOf(of), ...change });
const ordinary: Make = (of) => plain(webhookPath(of), result(of));
const expired = (of: AgentRunRequest, one: Api): string =>
  `/webhook?token=${one.callbacks.issue({ runId: of.runId, stepId: of.stepId, attempt: 1, expiresAt: START - 1 })}`;
const chunked = (text: string) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n0\r\n\r\n`;

const REQUESTS: Record<string, [status: number, make: Make]> = {
  'a result': [200, ordinary],
  'a result of a charset': [
    200,
    (of) => plain(webhookPath(of), result(of, { output: { a: 'é' } }), `${JSON_TYPE}; charset=utf-8`),
  ],
  'a result in another charset': [415, (of) => plain(webhookPath(of), '{}', `${JSON_TYPE}; charset=latin1`)],
  'a result that is chunked': [
    200,
    (of) => ({
      path: webhookPath(of),
      headers: [JSON_TYPE, 'Transfer-Encoding: chunked'],
      body: chunked(result(of)),
    }),
  ],
  'a result of another run': [
    401,
    (of) => plain(webhookPath(of), result(of, { runId: '00000000-0000-4000-8000-000000000000' })),
  ],
  'what is no JSON': [400, (of) => plain(webhookPath(of), '{"status":')],
  'what is nested too deep': [400, (of) => plain(webhookPath(of), '['.repeat(70) + ']'.repeat(70))],
  'what lacks a field': [400, (of) => plain(webhookPath(of), '{}')],
  'an empty body': [400, (of) => plain(webhookPath(of), '')],
  'no length at all': [400, (of) => ({ path: webhookPath(of), headers: [JSON_TYPE] })],
  'what is too large': [413, (of) => plain(webhookPath(of), ' '.repeat(65 * 1024))],
  'what is compressed': [415, (of) => plain(webhookPath(of), '{}', JSON_TYPE, 'Content-Encoding: gzip')],
  'what is no JSON by its type': [
    415,
    (of) => plain(webhookPath(of), result(of), 'Content-Type: text/plain'),
  ],
  'a wrong signature': [
    401,
    (of) => plain(webhookPath(of), result(of), JSON_TYPE, 'Webhook-Signature: v1,AAAA', 'Webhook-Id: 1'),
  ],
  'a forged token': [401, (of) => plain(`${webhookPath(of)}A`, result(of))],
  'an expired token': [401, (of, one) => plain(expired(of, one), result(of))],
  'no token': [401, (of) => plain('/webhook', result(of))],
  'a token among others': [200, (of) => plain(`${webhookPath(of)}&a=b`, result(of))],
  'another address': [405, (of) => ({ ...ordinary(of, api.front), method: 'GET' })],
};

it.each(Object.entries(REQUESTS))('%s', async (_name, [status, make]) => {
  const answers = {
    front: await ask(api.front, make(job.front, api.front)),
    express: await ask(api.express, make(job.express, api.express)),
  };
  expect(answers.front).toBe(answers.express);
  expect(answers.front).toContain(`HTTP/1.1 ${status} `);
});

it('takes ordinary results itself and nothing else', async () => {
  const handed: string[] = [];
  const rest = ({ url = '' }: IncomingMessage, res: ServerResponse) => {
    handed.push(url.split('?')[0] ?? '');
    res.end('elsewhere');
  };
  const server = await startServer(inFront(api.front.deps, rest), { host: '127.0.0.1', port: 0 });
  const of = job.front;
  const at = { port: server.port };
  expect(await ask(at, ordinary(of, api.front))).toContain('{"status":"settled"}');
  expect(handed).toEqual([]);
  expect(await ask(at, plain('/webhook/claim', '{}'))).toContain('elsewhere');
  expect(await ask(at, plain(`${webhookPath(of)}A`, result(of)))).toContain('elsewhere');
  expect(handed).toEqual(['/webhook/claim', '/webhook']);
  await server.close(0);
});

it('is told twice and late like any other', async () => {
  const { front } = api;
  expect(await ask(front, ordinary(job.front, front))).toContain('{"status":"settled"}');
  expect(await ask(front, ordinary(job.front, front))).toContain('{"status":"duplicate"}');
  const next = await front.cloud.nextJob();
  await front.call('POST', `/runs/${next.runId}/cancel`);
  expect(await ask(front, ordinary(next, front))).toContain('{"status":"late"}');
});

it('is slowed down after forged tokens as everybody is, and what is authentic is not', async () => {
  const { front } = api;
  const forged = plain('/webhook?token=a.b', result(job.front));
  const codes = [await ask(front, forged), await ask(front, forged), await ask(front, forged)];
  expect(codes.map((answer) => /HTTP\/1.1 (\d+)/.exec(answer)?.[1])).toEqual(['401', '401', '429']);
  expect(await ask(front, ordinary(job.front, front))).toContain('HTTP/1.1 200 ');
});

it('answers 503 while the store is away, and takes the same result afterwards', async () => {
  const answers: string[] = [];
  for (const [one, of] of [
    [api.front, job.front],
    [api.express, job.express],
  ] as const) {
    one.outage.error = new Error('connect ECONNREFUSED');
    answers.push(await ask(one, ordinary(of, one)));
    one.outage.error = undefined;
    expect(await ask(one, ordinary(of, one))).toContain('{"status":"settled"}');
  }
  expect(answers[0]).toContain('HTTP/1.1 503 ');
  expect(answers[0]).toBe(answers[1]);
});

it('is counted and logged under its route, once, without its token', async () => {
  const { front } = api;
  await ask(front, ordinary(job.front, front));
  await ask(front, plain(webhookPath(job.front), '{}'));
  const metrics = (await front.call('GET', '/metrics')).text;
  for (const status of [200, 400])
    expect(metrics).toMatch(new RegExp(`_count\\{[^}]*route="/webhook",status="${status}"[^}]*\\} 1\\n`));
  expect(front.logged()).not.toContain(webhookPath(job.front).split('token=')[1]);
});

it('survives a sender who goes away in the middle', async () => {
  const { front } = api;
  const { path, headers = [], body = '' } = ordinary(job.front, front);
  const socket = connect(front.port, '127.0.0.1');
  socket.write(
    `POST ${path} HTTP/1.1\r\n${['Host: localhost', ...headers].join('\r\n')}\r\n\r\n${body.slice(0, 20)}`,
  );
  await once(socket, 'connect');
  socket.destroy();
  await once(socket, 'close');
  expect(await ask(front, ordinary(job.front, front))).toContain('{"status":"settled"}');
});
