/**
 * The proxy before one port of the app: HTTP and upgrades over plain streams. Which slot gets a request
 * is one pointer, read once for each. Without a live slot nobody listens, and connections are refused.
 */
import { once } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream';
import { codeOf } from './errors';
import type { Front } from './front';
import { forwardedHeaders, upgradeHead } from './proxy-headers';
import { relay } from './relay';
import type { Upstream } from './upstream';

/** Longer than usual balancers keep idle connections, so that it is they who close. */
const KEEP_ALIVE_MS = 65_000;
/** Requests without a body that may be sent twice. */
const REPEATABLE = new Set(['GET', 'HEAD', 'OPTIONS']);
const MAX_TRIES = 3;

/** What is listened on: a port (0: any free one), or a socket that this user alone may open. */
export type Place = { port: number; host: string } | { path: string };

export class Proxy {
  private target: Upstream | undefined;
  private server: Server | undefined;
  private changing: Promise<void> = Promise.resolve();

  constructor(
    private readonly place: Place,
    private readonly front?: Front,
    /** Whether a connection is taken at all; asked once for each. */
    private readonly admits: (socket: Socket) => boolean = () => true,
  ) {}

  /** Nobody listens while nobody is live. */
  get listening(): boolean {
    return this.server !== undefined;
  }

  /** Sends every request from now on to another slot. What is in flight stays where it is. */
  flip(target: Upstream): void {
    this.target = target;
  }

  /** @throws Error when the port cannot be listened on */
  open(): Promise<void> {
    return this.inTurn(async () => {
      if (this.server !== undefined) return;
      const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS });
      server.on('connection', (socket: Socket) => void (this.admits(socket) || socket.destroy()));
      server.on('request', (incoming, outgoing) => {
        if (!this.front?.take(incoming, outgoing)) this.pass(incoming, outgoing, 1);
      });
      server.on('upgrade', (incoming: IncomingMessage, socket: Socket, head: Buffer) =>
        this.upgrade(incoming, socket, head),
      );
      // What an earlier controller left there; none runs beside this one.
      if ('path' in this.place) rmSync(this.place.path, { force: true });
      server.listen(this.place);
      await once(server, 'listening');
      if ('path' in this.place) chmodSync(this.place.path, 0o600);
      this.server = server;
    });
  }

  /** Stops listening, waits for `drained`, then cuts every connection that is left. */
  close(drained: Promise<unknown> = Promise.resolve()): Promise<void> {
    return this.inTurn(async () => {
      const { server } = this;
      this.server = undefined;
      if (server === undefined) return;
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await drained;
      server.closeAllConnections();
      await closed;
    });
  }

  private inTurn(change: () => Promise<void>): Promise<void> {
    const turn = this.changing.then(change);
    this.changing = turn.catch(() => undefined); // The error is the caller's.
    return turn;
  }

  private pass(incoming: IncomingMessage, outgoing: ServerResponse, tries: number): void {
    const { target } = this;
    if (target === undefined) return refuse(outgoing, 503, 'No version of this app is live.');
    const { method = 'GET', url = '/' } = incoming;
    const hasBody = 'content-length' in incoming.headers || 'transfer-encoding' in incoming.headers;
    const upstream = request({
      host: '127.0.0.1',
      ...target.address,
      agent: target.agent,
      method,
      path: url,
      // A flat list keeps names, order and repetitions as the client sent them.
      headers: forwardedHeaders(incoming, hasBody) as never,
      setHost: false,
    });
    const flight = { cut: () => void (upstream.destroy(), outgoing.destroy()) };
    const leave = () => target.leave(flight);
    const onClose = () => {
      leave();
      // The client left, or all is done: either way nothing of the request may stay.
      if (!outgoing.writableFinished) upstream.destroy();
    };
    target.enter(flight);
    outgoing.once('close', onClose);
    upstream.once('response', (answer) => relay(answer, outgoing));
    upstream.once('error', (error) => {
      if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
      outgoing.off('close', onClose);
      leave();
      if (this.mayRepeat(method, hasBody, tries, error, upstream.reusedSocket, target)) {
        return this.pass(incoming, outgoing, tries + 1);
      }
      refuse(outgoing, 502, 'The app did not answer.');
    });
    if (hasBody) incoming.pipe(upstream);
    else upstream.end();
  }

  /** Only where the app cannot have begun with it, or where doing it twice is the same as once. */
  private mayRepeat(
    method: string,
    hasBody: boolean,
    tries: number,
    error: Error,
    reused: boolean,
    target: Upstream,
  ): boolean {
    if (hasBody || tries >= MAX_TRIES) return false;
    // Nobody was there to begin with it; worth another try where somebody else is live by now.
    if (codeOf(error) === 'ECONNREFUSED') return this.target !== undefined && this.target !== target;
    return REPEATABLE.has(method) && (reused || this.target !== target);
  }

  private upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { target } = this;
    // A client that breaks off is the usual end of such a connection.
    socket.on('error', () => socket.destroy());
    if (target === undefined) return void socket.destroy();
    const upstream = request({
      host: '127.0.0.1',
      ...target.address,
      agent: false,
      method: incoming.method,
      path: incoming.url,
      headers: forwardedHeaders(incoming, false, true) as never,
      setHost: false,
    });
    const flight = { cut: () => void (upstream.destroy(), socket.destroy()) };
    target.enter(flight);
    socket.once('close', () => {
      target.leave(flight);
      upstream.destroy();
    });
    upstream.once('upgrade', (answer: IncomingMessage, other: Socket, otherHead: Buffer) => {
      other.on('error', () => other.destroy());
      other.once('close', () => socket.destroy());
      socket.once('close', () => other.destroy());
      socket.write(upgradeHead(answer));
      if (otherHead.length > 0) socket.write(otherHead);
      if (head.length > 0) other.write(head);
      other.pipe(socket).pipe(other);
    });
    upstream.once('response', (answer) => {
      // The app said no, in plain HTTP; the connection ends with its answer.
      socket.write(upgradeHead(answer));
      pipeline(answer, socket, () => socket.destroy());
    });
    upstream.once('error', () => socket.destroy());
    upstream.end();
  }
}

function refuse(outgoing: ServerResponse, status: number, error: string): void {
  if (outgoing.headersSent || outgoing.destroyed) return void outgoing.destroy();
  const body = JSON.stringify({ error });
  outgoing.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'retry-after': '1',
    // What is left of the request's body is not read.
    connection: 'close',
  });
  outgoing.end(body);
}
