/**
 * All that an agent finds outside of its sandbox: a name server that knows every name, and a server that answers for
 * each of them over HTTP and HTTPS, from what is recorded. What has no record is refused, and noted.
 */
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import { createSecureContext, type SecureContext } from 'node:tls';
import {
  answerOf,
  hashOf,
  MAX_ANSWERS,
  MAX_CALL_BYTES,
  Redactor,
  requestOf,
  type OutsideAnswer,
  type Recording,
} from './calls';
import { newAuthority } from './certificates';
import { throughDoor } from './door';
import { NameServer } from './names';

export interface OutsideJob {
  recordings: readonly Recording[];
  /** Values of the agent's environment that may not be kept or shown, with their names. */
  secrets: ReadonlyArray<readonly [value: string, name: string]>;
  /** Where the certificate of the recorder's authority is written, for the agent to trust. */
  trust: string;
  /** The socket through which calls are made for real. */
  door?: {
    path: string;
    /** Hosts that are asked by it, and nothing of that recorded; left out: all are, and recorded. */
    hosts?: readonly string[];
  };
}

export interface RefusedCall {
  method: string;
  url: string;
  times: number;
  why: string;
}

export interface OutsideReport {
  /** Calls that a record answered. */
  answered: number;
  /** Calls that were refused, without what is secret in them. */
  refused: RefusedCall[];
  /** Names that were looked up and never called over HTTP or HTTPS. */
  elsewhere: string[];
  /** What was made for real, to be kept. */
  recorded: Recording[];
}

type Door = NonNullable<OutsideJob['door']>;

/** Of one stay. */
const MAX_REFUSED = 50;
const MAX_HOSTS = 200;
const MAX_RECORDED_BYTES = 16 * MAX_CALL_BYTES;
const DEFAULT_PORTS = { http: 80, https: 443, names: 53 };
const NO_RECORD = 'there is no record of it';

/** Variables by which the common runtimes and libraries are told whom to trust. */
const TRUSTED_BY = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'];

/** The agent's environment is to hold these. */
export const trusting = (trust: string): Record<string, string> =>
  Object.fromEntries(TRUSTED_BY.map((name) => [name, trust]));

export class OutsideRecorder {
  private readonly redactor: Redactor;
  private readonly known: Map<string, { answers: readonly OutsideAnswer[]; given: number }>;
  private readonly recorded = new Map<string, Recording>();
  private readonly refused = new Map<string, RefusedCall>();
  private readonly hosts = new Set<string>();
  private readonly contexts = new Map<string, SecureContext>();
  private readonly servers: Array<HttpServer | HttpsServer> = [];
  private readonly names = new NameServer();
  private answered = 0;
  private refusals = 0;
  private recordedBytes = 0;

  private constructor(private readonly job: OutsideJob) {
    this.redactor = new Redactor(job.secrets);
    this.known = new Map(job.recordings.map((r) => [hashOf(r.request), { answers: r.answers, given: 0 }]));
  }

  /** Of a network of its own: the ports are those that everybody else serves. */
  static async open(job: OutsideJob, ports = DEFAULT_PORTS): Promise<OutsideRecorder> {
    const recorder = new OutsideRecorder(job);
    const authority = newAuthority(Date.now());
    await writeFile(job.trust, authority.certificate);
    const contextOf = (host: string): SecureContext => {
      const known = recorder.contexts.get(host);
      if (known) return known;
      const made = createSecureContext(authority.issue(host));
      if (recorder.contexts.size < MAX_HOSTS) recorder.contexts.set(host, made);
      return made;
    };
    const answer = (scheme: string) => (req: IncomingMessage, res: ServerResponse) =>
      void recorder.answer(scheme, req, res).catch((error: Error) => res.destroy(error));
    const plain = createServer(answer('http'));
    const secured = createTlsServer(
      { ...authority.issue('localhost'), SNICallback: (host, done) => done(null, contextOf(host)) },
      answer('https'),
    );
    for (const [server, port] of [
      [plain, ports.http],
      [secured, ports.https],
    ] as const) {
      recorder.servers.push(server.listen(port, '0.0.0.0'));
      await once(server, 'listening');
    }
    await recorder.names.open(ports.names);
    return recorder;
  }

  /** Calls that were refused until now. */
  get refusedUntilNow(): number {
    return this.refusals;
  }

  report(): OutsideReport {
    return {
      ...{ answered: this.answered, refused: [...this.refused.values()] },
      elsewhere: this.names.asked.filter((name) => !this.hosts.has(name)),
      recorded: [...this.recorded.values()],
    };
  }

  async close(): Promise<void> {
    this.names.close();
    const closed = this.servers.map((server) => once(server, 'close'));
    for (const server of this.servers) {
      server.close();
      server.closeAllConnections();
    }
    await Promise.all(closed);
  }

  private async answer(scheme: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { method = 'GET', headers } = req;
    const path = req.url ?? '/';
    // As clients ask a proxy.
    const url = /^https?:\/\//.test(path) ? path : `${scheme}://${headers.host ?? 'unknown'}${path}`;
    if (!URL.canParse(url)) return void res.writeHead(400).end();
    if (this.hosts.size < MAX_HOSTS) this.hosts.add(new URL(url).hostname);
    const body = await read(req);
    if (!body) return this.refuse(res, { method, url, why: `it sends more than ${MAX_CALL_BYTES} bytes` });
    const request = requestOf(
      { method, url, contentType: headers['content-type'] ?? '', body },
      this.redactor,
    );
    const { door } = this.job;
    if (door && (door.hosts?.includes(new URL(url).host) ?? true))
      return this.ask(res, request, { req, url, body, door });
    const known = this.known.get(hashOf(request));
    const answer = known?.answers[Math.min(known.given, known.answers.length - 1)];
    if (!known || !answer) return this.refuse(res, { method, url, why: NO_RECORD });
    known.given += 1;
    this.answered += 1;
    res.writeHead(answer.status, answer.headers).end(Buffer.from(answer.body, answer.encoding));
  }

  /** Answers as the outside does; while calls are recorded, keeps of it what may be kept. */
  private async ask(
    res: ServerResponse,
    request: Recording['request'],
    { req, url, body, door }: { req: IncomingMessage; url: string; body: Buffer; door: Door },
  ): Promise<void> {
    const { method } = request;
    const headers = Object.entries(req.headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one): [string, string] => [name, one]),
    );
    const asked = { method, url, headers, body: body.toString('base64') };
    const told = await throughDoor(door.path, asked).catch((error: Error) => ({ error: error.message }));
    if ('error' in told) return this.refuse(res, { method, url, why: this.redactor.text(told.error) });
    const content = Buffer.from(told.body, 'base64');
    if (!door.hosts) this.keep(request, answerOf(told.status, told.headers, content, this.redactor));
    this.answered += 1;
    res.writeHead(told.status, told.headers.flat()).end(content);
  }

  private keep(request: Recording['request'], answer: OutsideAnswer): void {
    const hash = hashOf(request);
    const before = this.recorded.get(hash)?.answers ?? [];
    const isFull =
      before.length >= MAX_ANSWERS || this.recordedBytes + answer.body.length > MAX_RECORDED_BYTES;
    if (isFull) return;
    this.recordedBytes += answer.body.length;
    this.recorded.set(hash, { request, answers: [...before, answer] });
  }

  private refuse(res: ServerResponse, { method, url, why }: Omit<RefusedCall, 'times'>): void {
    const shown = this.redactor.url(url);
    const key = `${method} ${shown} ${why}`;
    const known = this.refused.get(key);
    this.refusals += 1;
    if (known) known.times += 1;
    else if (this.refused.size < MAX_REFUSED) this.refused.set(key, { method, url: shown, times: 1, why });
    const detail = `The sandbox does not let ${method} ${shown} out: ${why}. Record it with "reveille agent evals <folder> --outside record".`;
    res
      .writeHead(502, { 'content-type': 'application/problem+json', connection: 'close' })
      .end(JSON.stringify({ title: 'Not recorded', status: 502, detail }));
  }
}

/** Undefined where it is too much. */
async function read(req: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_CALL_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
