/** What an agent finds outside of its sandbox: what is recorded, and nothing else; no record holds a secret. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage } from 'node:http';
import { request as requestTls } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { validateFolder } from '../../src/releases/pipeline';
import { confinement } from '../../src/releases/sandbox/confine';
import {
  answerOf,
  hashOf,
  Redactor,
  requestOf,
  type Recording,
} from '../../src/releases/sandbox/outside/calls';
import { openDoor, throughDoor } from '../../src/releases/sandbox/outside/door';
import { OutsideRecorder, type OutsideJob } from '../../src/releases/sandbox/outside/recorder';
import { readRecordings, writeRecordings } from '../../src/releases/sandbox/outside/recordings';
import { outsideTold } from '../../src/releases/stages';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { writeAgent } from './support/agents';

const isCut = confinement(true).isCut;
let root: string;
let remove: () => Promise<void>;
beforeAll(async () => ({ path: root, remove } = await temporaryFolder()));
afterAll(() => remove());

const asked = (url: string, body = '', contentType = 'application/json') => ({
  ...{ method: body === '' ? 'GET' : 'POST', url, contentType, body: Buffer.from(body) },
});
const answer = (body: string): Recording['answers'][number] => ({
  ...{ status: 200, headers: { 'content-type': 'application/json' }, encoding: 'utf8', body },
});

describe('a call', () => {
  const request = (call: ReturnType<typeof asked>, secrets: Array<[string, string]> = []) =>
    requestOf(call, new Redactor(secrets));

  it('is known again by its method, address and content, whatever the order of its fields', () => {
    const url = 'https://api.example.com/v1?q=a';
    const one = request(asked(url, '{"a":1,"b":{"c":2,"d":3}}'));
    expect(hashOf(request(asked(url, '{ "b": {"d":3,"c":2}, "a":1 }')))).toBe(hashOf(one));
    for (const other of [asked(url, '{"a":2}'), asked(`${url}b`, '{"a":1,"b":{"c":2,"d":3}}'), asked(url)])
      expect(hashOf(request(other))).not.toBe(hashOf(one));
    expect(request(asked(url))).toEqual({ method: 'GET', url });
  });

  it('is the same with another key, and none of what is kept holds one', () => {
    const of = (secret: string) =>
      request(
        asked(
          `https://u:pw@api.example.com/?key=k-123&account=${secret}&next_page_token=p2`,
          `{"password":"x y z w","who":"${secret}"}`,
        ),
        [[secret, 'API_TOKEN']],
      );
    expect(of('real-token-0123456789')).toEqual(of('sandbox-abcdef0123456'));
    expect(of('real-token-0123456789').url).toBe(
      'https://api.example.com/?key=%5Bredacted%5D&account=[API_TOKEN]&next_page_token=p2',
    );
    const form = asked(
      'https://a.example/',
      'grant_type=x&client_secret=one-two-three',
      'application/x-www-form-urlencoded',
    );
    const other = { ...form, body: Buffer.from('grant_type=x&client_secret=other') };
    expect(request(form)).toEqual(request(other));
  });

  it('keeps of its answer no token, no cookie and no known value; the token comes back as none in what follows', () => {
    const redactor = new Redactor([['real-token-0123456789', 'API_TOKEN']]);
    const headers = [
      ['Set-Cookie', 'session=abc'],
      ['Content-Type', 'application/json'],
      ['X-Request-Id', '7'],
    ] as const;
    const body = Buffer.from('{"access_token":"given-out-0123456789","for":"real-token-0123456789","n":[1]}');
    const kept = answerOf(200, headers, body, redactor);
    expect(kept).toEqual(answer('{"access_token":"[redacted]","for":"[API_TOKEN]","n":[1]}'));
    const next = asked('https://api.example.com/', '{"with":"given-out-0123456789"}');
    expect(requestOf(next, redactor)).toEqual(request(asked(next.url, '{"with":"[redacted]"}')));
    // As it came, where nothing of it is secret.
    expect(answerOf(200, headers, Buffer.from('{"b": 1,  "a": 2}'), redactor).body).toBe('{"b": 1,  "a": 2}');
    const binary = Buffer.from([0xff, 0xfe, 0]);
    expect(answerOf(200, [], binary, redactor)).toMatchObject({
      encoding: 'base64',
      body: binary.toString('base64'),
    });
  });
});

describe('the recorder', () => {
  const open = async (job: Partial<OutsideJob>) => {
    const ports = { http: await freePort(), https: await freePort(), names: await freePort() };
    const trust = join(root, `trust-${ports.http}.pem`);
    const recorder = await OutsideRecorder.open({ recordings: [], secrets: [], trust, ...job }, ports);
    const call = async (url: string, body?: string) => {
      const { protocol, hostname, host, pathname, search } = new URL(url);
      const options = {
        ...{ host: '127.0.0.1', path: `${pathname}${search}`, method: body === undefined ? 'GET' : 'POST' },
        headers: {
          host,
          connection: 'close',
          'content-type': 'application/json',
          authorization: 'Bearer real-token-0123456789',
        },
      };
      const req =
        protocol === 'https:'
          ? requestTls({ ...options, port: ports.https, servername: hostname, ca: readFileSync(trust) })
          : request({ ...options, port: ports.http });
      req.end(body);
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      return { status: res.statusCode, body: await text(res) };
    };
    return { recorder, call };
  };

  it('answers from records over HTTP and HTTPS, one after the other, and refuses the rest by name', async () => {
    const recordings = [
      { request: { method: 'GET', url: 'https://api.example.com/a' }, answers: [answer('1'), answer('2')] },
      { request: { method: 'GET', url: 'http://plain.example/' }, answers: [answer('plain')] },
    ];
    const { recorder, call } = await open({ recordings });
    const given = [await call('https://api.example.com/a'), await call('https://api.example.com/a')];
    expect(given.map((g) => g.body)).toEqual(['1', '2']);
    expect(await call('https://api.example.com/a')).toEqual({ status: 200, body: '2' });
    expect(await call('http://plain.example/')).toEqual({ status: 200, body: 'plain' });
    const refused = await call('https://other.example/x?key=mine', '{}');
    expect(refused.status).toBe(502);
    expect(refused.body).toContain('--outside record');
    const report = recorder.report();
    await recorder.close();
    expect(report).toMatchObject({
      answered: 4,
      refused: [
        {
          method: 'POST',
          url: 'https://other.example/x?key=%5Bredacted%5D',
          times: 1,
          why: 'there is no record of it',
        },
      ],
    });
    expect(outsideTold(report)).toEqual([
      '4 calls outside answered from records',
      'refused outside: POST https://other.example/x?key=%5Bredacted%5D (there is no record of it)',
    ]);
  });

  it('lets through whom it may ask and nobody else, also past the recorder, and keeps nothing of it', async () => {
    const outside = createServer((_, res) => res.end('an answer')).listen(0, '127.0.0.1');
    await once(outside, 'listening');
    const host = `127.0.0.1:${(outside.address() as AddressInfo).port}`;
    const path = join(root, 'models');
    const door = await openDoor(path, [host]);
    const { recorder, call } = await open({ door: { path, hosts: [host] } });
    expect(await call(`http://${host}/v1`)).toMatchObject({ status: 200, body: 'an answer' });
    expect((await call('http://elsewhere.example/')).status).toBe(502);
    const asked = { method: 'GET', url: 'http://elsewhere.example/', headers: [], body: '' };
    expect(await throughDoor(path, asked)).toEqual({
      error: 'elsewhere.example is none of those that may be asked',
    });
    expect(recorder.refusedUntilNow).toBe(1);
    expect(recorder.report()).toMatchObject({
      ...{ answered: 1, recorded: [] },
      refused: [{ url: 'http://elsewhere.example/', times: 1, why: 'there is no record of it' }],
    });
    await recorder.close();
    door.close();
    outside.close();
  });

  it('records what the door brings back, so that a later stay needs none', async () => {
    const seen: Array<string | undefined> = [];
    const outside = createServer((req, res) => {
      seen.push(req.headers.authorization);
      res.writeHead(201, { 'content-type': 'application/json', 'set-cookie': 'a=b' });
      res.end('{"api_key":"given-out-0123456789","total":3}');
    }).listen(0, '127.0.0.1');
    await once(outside, 'listening');
    const url = `http://127.0.0.1:${(outside.address() as AddressInfo).port}/report`;
    const path = join(root, 'door');
    const door = await openDoor(path);
    const secrets = [['real-token-0123456789', 'API_TOKEN']] as const;
    const recording = await open({ door: { path }, secrets });
    const real = await recording.call(url, '{"who":"real-token-0123456789"}');
    outside.close();
    const gone = await recording.call(`${url}/later`);
    const { recorded, refused } = recording.recorder.report();
    await recording.recorder.close();
    door.close();
    // The agent goes on with what it really got.
    expect(real).toEqual({ status: 201, body: '{"api_key":"given-out-0123456789","total":3}' });
    expect(seen).toEqual(['Bearer real-token-0123456789']);
    expect(gone.status).toBe(502);
    expect(refused).toMatchObject([{ why: expect.stringContaining('ECONNREFUSED') as string }]);
    await writeRecordings(root, recorded);
    const kept = await readRecordings(root);
    expect(kept).toEqual(recorded);
    expect(JSON.stringify(kept)).not.toMatch(/0123456789|a=b/);
    const { recorder, call } = await open({
      recordings: kept,
      secrets: [['made-up-for-the-sandbox', 'API_TOKEN']],
    });
    expect(await call(url, '{"who":"made-up-for-the-sandbox"}')).toEqual({
      ...{ status: 201, body: '{"api_key":"[redacted]","total":3}' },
    });
    await recorder.close();
    expect(readdirSync(join(root, 'evals/outside'))).toHaveLength(1);
  });
});

describe('an agent that needs a service outside', () => {
  const job = `
    const answer = await fetch('https://api.example.com/rates?of=' + (input.name ?? 'x'));
    if (!answer.ok) throw new Error((await answer.json()).detail);
    return { rate: (await answer.json()).rate };`;
  const sandboxOf = async (name: string, files: Record<string, string> = {}) => {
    const agent = writeAgent(root, name, { job, files });
    const [sandbox] = await validateFolder({
      ...{ ...agent, agentId: 'a', uses: [], others: new Map(), allChecks: false },
    });
    return sandbox;
  };

  (isCut ? it : it.failing)('is validated by what is recorded of it', async () => {
    const recording: Recording = {
      request: { method: 'GET', url: 'https://api.example.com/rates?of=Ada' },
      answers: [answer('{"rate":7}')],
    };
    const sandbox = await sandboxOf('recorded', { 'evals/outside/rates.json': JSON.stringify(recording) });
    expect(sandbox).toMatchObject({ verdict: 'pass' });
    expect(sandbox?.reason).toMatch(/, cut off; .*; \d+ calls outside answered from records$/);
    expect(sandbox?.report['outside']).toMatchObject({ refused: [], elsewhere: [], recorded: 0 });
  });

  (isCut ? it : it.failing)('is told what has no record, and so are people', async () => {
    const sandbox = await sandboxOf('unrecorded');
    expect(sandbox).toMatchObject({ verdict: 'fail' });
    expect(sandbox?.reason).toMatch(
      /success: saw status error: The sandbox does not let GET https:\/\/api\.example\.com\/rates\?of=Ada out: there is no record of it/,
    );
    expect(sandbox?.reason).toMatch(
      /; refused outside: GET https:\/\/api\.example\.com\/rates\?of=Ada \(there is no record of it\)/,
    );
  });
});
