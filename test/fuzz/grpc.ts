/** Sends frames to the deployment API over gRPC, and says what is wrong with what comes back. */
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import { startGrpc, type GrpcServer } from '../../src/grpc/server';
import type { Api } from '../http/support/api';
import type { Who } from './faults';
import type { FuzzCall } from './grpc-calls';
import { count, STRAY, type Answers } from './report';
import { SECRETS, type World } from './world';

export { callsFor, type FuzzCall } from './grpc-calls';

/** Nothing here takes that long: who needs longer hangs. */
const ANSWER_MS = 20_000;
const CLOSE_MS = 500;
const GARBAGE_MS = 1_000;
const CODES = new Map(Object.entries(status).map(([name, code]) => [String(code), name]));
/** What would say that something went wrong that nobody thought of. */
const FAULTS = ['INTERNAL', 'UNKNOWN', 'DATA_LOSS'];
/** After each so many calls somebody speaks another protocol. */
const GARBAGE_ONE_IN = 50;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

interface Reply {
  /** By name; of what was no answer of gRPC, the status of HTTP. */
  code: string;
  text: string;
}

export class GrpcSender {
  private session: ClientHttp2Session | undefined;
  private sent = 0;

  private constructor(private readonly server: GrpcServer) {}

  static async start(api: Api): Promise<GrpcSender> {
    return new GrpcSender(await startGrpc({ host: '127.0.0.1', port: 0 }, api.deps, api.door));
  }

  async send(call: FuzzCall, who: Who, { made }: World, calls: Record<string, Answers>): Promise<string[]> {
    this.sent += 1;
    if (this.sent % GARBAGE_ONE_IN === 0) await this.garbage(call.body);
    const { code, text } = await this.ask(call);
    count(calls, call.method ?? STRAY, code);
    const faults: string[] = [];
    if (FAULTS.includes(code) || /^HTTP 5/.test(code))
      faults.push(`gRPC answered ${code}: ${text.slice(0, 300)}`);
    if (who === 'strangers' && code === 'OK') faults.push('a stranger was answered OK over gRPC');
    for (const secret of [...SECRETS, ...made])
      if (text.includes(secret)) faults.push(`gRPC answered ${secret.slice(0, 12)}…`);
    return faults;
  }

  async close(): Promise<void> {
    this.session?.destroy();
    await this.server.close(CLOSE_MS);
  }

  private ask({ path, headers, body }: FuzzCall): Promise<Reply> {
    this.session =
      this.session && !this.session.destroyed && !this.session.closed ? this.session : this.open();
    const stream = this.session.request({
      ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
      ...headers,
    });
    stream.setTimeout(ANSWER_MS, () => stream.close(constants.NGHTTP2_CANCEL));
    stream.end(body);
    return replyOf(stream);
  }

  private open(): ClientHttp2Session {
    const session = connect(`http://127.0.0.1:${this.server.port}`);
    // What is wrong is told to each of its streams.
    session.on('error', () => undefined);
    return session;
  }

  /** Something that is no HTTP/2, and something that begins like it. */
  private async garbage(bytes: Buffer): Promise<void> {
    for (const start of ['GET / HTTP/1.1\r\n\r\n', PREFACE]) {
      const socket = connectTcp(this.server.port, '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      socket.end(Buffer.concat([Buffer.from(start), bytes, Buffer.alloc(64, 0xff)]));
      socket.resume();
      await closed(socket);
    }
  }
}

/** Ended by the server; but where the bytes read as the beginning of a frame, it waits for the rest: then by us. */
async function closed(socket: Socket): Promise<void> {
  const patience = setTimeout(() => socket.destroy(), GARBAGE_MS);
  await once(socket, 'close');
  clearTimeout(patience);
}

function replyOf(stream: ClientHttp2Stream): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let code: string | undefined;
    let told = '';
    const take = (headers: NodeJS.Dict<string | string[] | number>) => {
      const number = headers['grpc-status'];
      if (number !== undefined) code = CODES.get(String(number)) ?? String(number);
      else if (headers[':status'] !== undefined && headers[':status'] !== 200)
        code = `HTTP ${String(headers[':status'])}`;
      told += JSON.stringify(headers);
    };
    stream.on('response', take);
    stream.on('trailers', take);
    stream.on('data', (part: Buffer) => {
      parts.push(part);
      // A watch goes on until the deployment is over: its first message is enough.
      code ??= 'OK';
      stream.close(constants.NGHTTP2_CANCEL);
    });
    let fault: Error | undefined;
    stream.on('error', (error: Error) => (fault = error));
    stream.on('timeout', () => (fault = new Error('no answer over gRPC in time')));
    stream.on('close', () => {
      if (code !== undefined) return resolve({ code, text: told + Buffer.concat(parts).toString('latin1') });
      // A frame that is no frame may cost its sender the stream, and is told so by HTTP/2.
      if (stream.rstCode !== 0 && !/in time/.test(fault?.message ?? ''))
        return resolve({ code: `RESET ${stream.rstCode}`, text: told });
      reject(fault ?? new Error(`a stream of gRPC ended without a status: ${told}`));
    });
  });
}
