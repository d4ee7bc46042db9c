/**
 * The deployment API over gRPC. This file and what it loads is read only where a port for it is configured: who
 * needs no gRPC pays no memory for it.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type GrpcObject,
  type handleServerStreamingCall,
  type handleUnaryCall,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { GrpcConfig } from '../config';
import { isLoopbackAddress, isLoopbackHostHeader } from '../http/auth';
import { TooLate, withDeadline } from '../http/deadline';
import type { AppDeps } from '../http/deps';
import type { Door } from '../http/door';
import { toProblem, unavailable } from '../http/failures';
import { whileStoreAnswers } from '../http/patience';
import type { Caller } from '../http/deployments';
import { Problem } from '../http/problems';
import type { Message } from './messages';
import { UNARY, WATCH, type UnaryMethod, type WatchMethod } from './methods';
import { toStatus } from './status';

const PROTO = join(__dirname, '../../proto/reveille/deployments/v1/deployments.proto');
/** A call that is not answered by then is given up, whatever deadline its sender set. */
const CALL_MS = 30_000;
/** Requests at once on one connection. */
const MAX_STREAMS = 100;
/** Of requests; answers are as large as they are. */
const MAX_MESSAGE_BYTES = 1024 * 1024;
const IDLE_MS = 300_000;
/** A connection on which nothing came for so long is asked whether anybody is there, and ended where nobody says so. */
const KEEPALIVE_MS = 60_000;
const KEEPALIVE_ANSWER_MS = 10_000;

export interface GrpcServer {
  readonly port: number;
  /** Takes no more calls, waits for those under way, and cuts what is left at the deadline. */
  close(deadlineMs: number): Promise<void>;
}

type Call = ServerUnaryCall<Message, Message> | ServerWritableStream<Message, Message>;

/** @throws when a file of TLS cannot be read, or the address cannot be bound */
export async function startGrpc(config: GrpcConfig, deps: AppDeps, door: Door): Promise<GrpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    'grpc.max_connection_idle_ms': IDLE_MS,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_ANSWER_MS,
  });
  const stopping = new AbortController();
  const calls = new Calls(deps, door, stopping.signal);
  server.addService(readable(serviceOf().service), calls.handlers());
  const credentials = await credentialsOf(config);
  const host = config.host.includes(':') ? `[${config.host}]` : config.host;
  const port = await new Promise<number>((resolve, reject) => {
    const done = (error: Error | null, bound: number) =>
      error ? reject(unbound(error, config.port)) : resolve(bound);
    server.bindAsync(`${host}:${config.port}`, credentials, done);
  });
  return {
    port,
    close: async (deadlineMs) => {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      const cancel = deps.clock.after(deadlineMs, () => server.forceShutdown());
      await closed.finally(cancel);
    },
  };
}

const unbound = (cause: Error, port: number): Error =>
  new Error(`GRPC_PORT: nothing can listen on ${port} (${cause.message}). Set another.`, { cause });

/** The service as the .proto declares it; names stay as they are written there. */
export function serviceOf(): ServiceClientConstructor {
  const definition = loadSync(PROTO, { keepCase: true, longs: Number, enums: String });
  const loaded = loadPackageDefinition(definition);
  const at = ['reveille', 'deployments', 'v1'].reduce((o, part) => o[part] as GrpcObject, loaded);
  return at['AgentDeployment'] as ServiceClientConstructor;
}

/** Stands for bytes that are no message of the method. */
const UNREADABLE: Message = Object.freeze({});

/** Whoever sends such bytes is told so once it is known who that is; by itself gRPC calls it an error of the server. */
const readable = (service: ServiceDefinition): ServiceDefinition =>
  Object.fromEntries(
    Object.entries(service).map(([name, method]) => {
      const requestDeserialize = (bytes: Buffer): object => {
        try {
          return method.requestDeserialize(bytes) as object;
        } catch {
          return UNREADABLE;
        }
      };
      return [name, { ...method, requestDeserialize }];
    }),
  );

/** @throws Problem */
function requestOf({ request }: Call): Message {
  if (request !== UNREADABLE) return request;
  throw new Problem('invalid-request', {
    detail: 'The message is none of this method: see deployments.proto.',
  });
}

async function credentialsOf({ tls }: GrpcConfig): Promise<ServerCredentials> {
  if (!tls) return ServerCredentials.createInsecure();
  const read = (path: string, name: string) =>
    readFile(path).catch((cause: Error) => {
      throw new Error(`${name}: ${path} cannot be read (${cause.message}): set it to a PEM file`, { cause });
    });
  const [cert, key] = await Promise.all([
    read(tls.certFile, 'GRPC_TLS_CERT_FILE'),
    read(tls.keyFile, 'GRPC_TLS_KEY_FILE'),
  ]);
  return ServerCredentials.createSsl(null, [{ cert_chain: cert, private_key: key }]);
}

/** Calls under way: who calls, what it may, what became of it. */
class Calls {
  constructor(
    private readonly deps: AppDeps,
    private readonly door: Door,
    private readonly stopping: AbortSignal,
  ) {}

  handlers(): UntypedServiceImplementation {
    const unary = Object.entries(UNARY).map(([name, method]) => [name, this.unary(name, method)] as const);
    const watch = Object.entries(WATCH).map(([name, method]) => [name, this.watch(name, method)] as const);
    return Object.fromEntries<UntypedServiceImplementation[string]>([...unary, ...watch]);
  }

  private unary(name: string, method: UnaryMethod): handleUnaryCall<Message, Message> {
    return (call, callback) => {
      const told = this.told(name);
      this.answer(call, method).then(
        (reply) => {
          told.done();
          callback(null, reply);
        },
        (error: unknown) => void told.failed(error).then((problem) => callback(problem)),
      );
    };
  }

  private async answer(call: ServerUnaryCall<Message, Message>, method: UnaryMethod): Promise<Message> {
    const caller = await this.caller(call, method);
    const answered = {
      get headersSent() {
        return call.cancelled;
      },
    };
    const work = whileStoreAnswers(method.call(requestOf(call), caller, this.deps), answered, this.deps);
    return withDeadline(this.deps.clock, work, CALL_MS).catch((error: unknown) => {
      // Whoever waited too long for it asks again.
      throw error instanceof TooLate ? unavailable(error) : error;
    });
  }

  private watch(name: string, method: WatchMethod): handleServerStreamingCall<Message, Message> {
    return (call) => {
      const told = this.told(name);
      const gone = new AbortController();
      call.once('cancelled', () => gone.abort());
      this.stream(call, method, AbortSignal.any([gone.signal, this.stopping])).then(
        () => {
          told.done();
          call.end();
        },
        (error: unknown) => void told.failed(error).then((problem) => call.emit('error', problem)),
      );
    };
  }

  private async stream(
    call: ServerWritableStream<Message, Message>,
    method: WatchMethod,
    signal: AbortSignal,
  ): Promise<void> {
    await this.caller(call, method);
    for await (const message of method.open(requestOf(call), this.deps, signal))
      if (!call.write(message)) await once(call, 'drain', { signal });
  }

  /** @throws Problem as over HTTP */
  private async caller(call: Call, { scope }: { scope: UnaryMethod['scope'] }): Promise<Caller> {
    const [authorization] = call.metadata.get('authorization');
    const address = addressOf(call.getPeer());
    const principal = await this.door.gate.admitCaller(
      {
        address,
        authorization: typeof authorization === 'string' ? authorization : undefined,
        isHere: isLoopbackAddress(address) && isLoopbackHostHeader(call.getHost()),
      },
      scope,
    );
    return { actor: principal.id, principal };
  }

  /** Tells the log and the metrics what came of a call. */
  private told(name: string) {
    const { clock, log, metrics } = this.deps;
    const requestId = randomUUID();
    const from = clock.now();
    const tell = (code: number) => {
      const ms = clock.now() - from;
      const line = { requestId, method: 'GRPC', route: name, status: code, ms };
      metrics.observeRequest(line);
      log[code === 200 ? 'debug' : 'info'](line, 'request');
    };
    return {
      done: () => tell(200),
      failed: async (error: unknown) => {
        const problem = await toProblem(error, this.deps);
        if (problem.status >= 500)
          log.error({ err: error, requestId, route: name }, `request failed: ${problem.code}`);
        tell(problem.status);
        return toStatus(problem, requestId);
      },
    };
  }
}

/** Of `address:port`. */
const addressOf = (peer: string): string => peer.slice(0, peer.lastIndexOf(':')).replace(/^\[|\]$/g, '');
