/** The deployment API over gRPC in this process, and clients of it. */
import {
  type Client,
  credentials,
  Metadata,
  type ChannelCredentials,
  type ClientOptions,
  type ClientReadableStream,
  type ServiceError,
} from '@grpc/grpc-js';
import { serviceOf, startGrpc, type GrpcServer } from '../../src/grpc/server';
import type { GrpcConfig } from '../../src/config';
import { releaseId, type ReleaseManifest } from '../../src/domain/release/manifest';
import { REGISTRY, startApi, type Api, type ApiOptions } from '../http/support/api';

const CLOSE_MS = 1_000;

export type Message = Record<string, unknown>;
export interface Deployment extends Message {
  id: string;
  status: string;
}

type Unary = (
  request: Message,
  metadata: Metadata,
  callback: (error: ServiceError | null, reply: Message) => void,
) => void;
type Watch = (request: Message, metadata: Metadata) => ClientReadableStream<Message>;

export interface Caller {
  call: (method: string, request: Message, key?: string) => Promise<Message>;
  watch: (request: Message, key?: string) => ClientReadableStream<Message>;
  close: () => void;
}

const metadataOf = (key: string | undefined): Metadata => {
  const metadata = new Metadata();
  if (key !== undefined) metadata.set('authorization', `Bearer ${key}`);
  return metadata;
};

export function clientOf(
  address: string,
  by: ChannelCredentials = credentials.createInsecure(),
  options: ClientOptions = {},
): Caller {
  const stub = new (serviceOf())(address, by, options) as Client & Record<string, unknown>;
  const method = <T>(name: string): T => (stub[name] as (...args: never[]) => unknown).bind(stub) as T;
  return {
    call: (name, request, key) =>
      new Promise((resolve, reject) => {
        method<Unary>(name)(request, metadataOf(key), (error, reply) =>
          error ? reject(error) : resolve(reply),
        );
      }),
    watch: (request, key) => method<Watch>('WatchDeployment')(request, metadataOf(key)),
    close: () => stub.close(),
  };
}

export interface GrpcApi {
  api: Api;
  server: GrpcServer;
  client: Caller;
  close: () => Promise<void>;
}

/** The usual installation; its writer has a second capsule, so that there is a release to go back to. */
export const registryWithSpare = () => ({
  env: {},
  input: {
    ...REGISTRY,
    agents: REGISTRY.agents.map((agent) =>
      agent.id === 'writer'
        ? { ...agent, spares: [{ capsuleId: 'cap-spare', baseUrl: 'http://localhost:3103' }] }
        : agent,
    ),
  },
});

export async function startGrpcApi(options: ApiOptions = {}, tls?: GrpcConfig['tls']): Promise<GrpcApi> {
  const api = await startApi({ registry: registryWithSpare(), ...options });
  const config = { host: '127.0.0.1', port: 0, ...(tls && { tls }) };
  const server = await startGrpc(config, api.deps, api.door).catch(async (error: unknown) => {
    await api.close();
    throw error;
  });
  const client = clientOf(`127.0.0.1:${server.port}`);
  return {
    ...{ api, server, client },
    close: async () => {
      client.close();
      await server.close(CLOSE_MS);
      await api.close();
    },
  };
}

/** The manifest of a release of the writer, and its id. */
export function writerRelease(n: number): { id: string; manifest: ReleaseManifest } {
  const manifest: ReleaseManifest = {
    ...{ manifestVersion: 1, agentId: 'writer', code: { tree: String(n).repeat(40) }, models: [] },
    ...{ prompts: [], tools: [], permissions: [], contractVersion: 1, config: { n } },
  };
  return { id: releaseId(manifest), manifest };
}
