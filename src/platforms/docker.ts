/**
 * The Docker driver: a capsule is one container of a Docker Engine, started and stopped over the
 * Engine's API. Paths, parameters and statuses: https://docs.docker.com/reference/api/engine/version/v1.44/
 */
import { z } from 'zod';
import type { Call } from './calls/call';
import { ApiClient, checkReplicas } from './calls/client';
import { isLoopback, callSettings, type CallOptions, type CallSettings } from './calls/settings';
import type { ApiRequest, TransportOptions } from './calls/transport';
import { PlatformError, type Observation, type Platform } from './platform';

export interface DockerOptions extends CallOptions {
  /** As DOCKER_HOST: `unix:///var/run/docker.sock` (the default) or `tcp://host:2376`. */
  host?: string | undefined;
  /** Certificates for a `tcp` host, as PEM texts; without them only one on this machine is spoken to. */
  tls?: { ca: string; cert: string; key: string } | undefined;
  /** Seconds between the stop signal and SIGKILL; 10 by default, as Docker's own. */
  stopSeconds?: number | undefined;
}

/** The oldest that engines of today take, and known to Docker 25 and later. */
const API_VERSION = 'v1.44';
const DEFAULT_SOCKET = 'unix:///var/run/docker.sock';
const DEFAULT_STOP_SECONDS = 10;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

const MENDS = {
  auth: 'Check that this user may use the socket of DOCKER_HOST (group docker), or the certificates in DOCKER_CERT_PATH.',
  'not-found':
    "There is no such container: create it once (docker create), and check the agent's CC_CAPSULE_ID_… variable.",
  'rate-limited': 'Something before the Docker Engine limits the rate of calls; try again later.',
  unavailable: 'Try again later; if it lasts, check DOCKER_HOST and that the Docker Engine runs.',
  rejected: 'Check DOCKER_HOST, the version of the Engine (Docker 25 or later) and the container.',
} as const;

/** What `GET /containers/{id}/json` says of a container; other words are unknown. */
const EXISTS: Readonly<Record<string, 0 | 1>> = {
  created: 0,
  exited: 0,
  dead: 0,
  running: 1,
  restarting: 1,
  // A paused container holds its memory, and one that is being removed may still run.
  paused: 1,
  removing: 1,
};
const Inspected = z.looseObject({ State: z.looseObject({ Status: z.string() }) });

/**
 * Makes a driver for one Docker Engine. Nothing is sent until the first call.
 * @throws Error naming DOCKER_HOST when it is no address, or one that is not safe to speak to
 */
export function createDockerPlatform(options: DockerOptions = {}): Platform {
  return new Docker(options);
}

class Docker implements Platform {
  readonly name = 'docker';
  private readonly client: ApiClient;
  private readonly base: string;
  private readonly stopSeconds: number;
  private readonly stopTimeoutMs: number;
  private readonly settings: CallSettings;
  /** Stops under way by this driver: a start sent meanwhile would be answered "already started". */
  private readonly stopping = new Map<string, Promise<void>>();

  constructor(options: DockerOptions) {
    const { base, transport } = reach(options);
    this.base = `${base}/${API_VERSION}/containers`;
    this.stopSeconds = options.stopSeconds ?? DEFAULT_STOP_SECONDS;
    const settings = callSettings(options);
    // The Engine answers a stop when the container has ended: after its grace at the latest.
    this.stopTimeoutMs = this.stopSeconds * 1_000 + settings.requestTimeoutMs;
    this.settings = { ...settings, deadlineMs: Math.max(settings.deadlineMs, 2 * this.stopTimeoutMs) };
    const context = { mends: MENDS, addressVariable: 'DOCKER_HOST', redact: (text: string) => text };
    this.client = new ApiClient({ settings: this.settings, context, transport });
  }

  scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void> {
    const what = `scale container ${capsuleId} to ${replicas}`;
    return this.client.run(what, signal, async (call) => {
      checkReplicas(call, replicas, 1);
      const container = containerUrl(this.base, capsuleId, call);
      if (replicas === 0) return this.stop(capsuleId, call, container);
      await this.stopped(capsuleId, call);
      // 204: started; 304: it runs already.
      await this.client.request(call, post(`${container}/start`));
    });
  }

  observe(capsuleId: string, signal?: AbortSignal): Promise<Observation> {
    return this.client.run(`observe container ${capsuleId}`, signal, async (call) => {
      const url = `${containerUrl(this.base, capsuleId, call)}/json`;
      const read = Inspected.safeParse(await this.client.request(call, { method: 'GET', url }));
      if (!read.success) {
        throw new PlatformError('rejected', `${call.what}: the answer is no container. Check DOCKER_HOST.`);
      }
      const running = EXISTS[read.data.State.Status] ?? 'unknown';
      // The Engine keeps no wish apart from what is; a stop of ours that is under way is one.
      return { desired: this.stopping.has(capsuleId) ? 0 : running, running };
    });
  }

  async close(): Promise<void> {
    this.client.close();
  }

  private async stop(capsuleId: string, call: Call, container: string): Promise<void> {
    // 204: stopped; 304: it was stopped already. `t` is the grace in seconds.
    const request = {
      ...post(`${container}/stop?t=${this.stopSeconds}`),
      timeoutMs: this.stopTimeoutMs,
    };
    const stop = this.client.request(call, request).then(() => undefined);
    const ended = stop.catch(() => undefined);
    this.stopping.set(capsuleId, ended);
    try {
      await stop;
    } finally {
      if (this.stopping.get(capsuleId) === ended) this.stopping.delete(capsuleId);
    }
  }

  /** Waits for a stop that this driver has under way, while the call lasts. */
  private async stopped(capsuleId: string, call: Call): Promise<void> {
    const stop = this.stopping.get(capsuleId);
    if (!stop) return;
    const left = Math.max(0, call.deadlineAt - this.settings.now());
    const waiting = new AbortController();
    const signal = AbortSignal.any([call.signal, waiting.signal]);
    const pause = this.settings.sleep(left, signal).catch(() => undefined);
    await Promise.race([stop, pause]);
    waiting.abort();
  }
}

const post = (url: string): ApiRequest => ({ method: 'POST', url, change: true, alsoGood: [304] });

function containerUrl(base: string, capsuleId: string, call: Call): string {
  if (NAME.test(capsuleId)) return `${base}/${capsuleId}`;
  const message = `${call.what}: that is no name or id of a container. Set the agent's CC_CAPSULE_ID_… variable.`;
  throw new PlatformError('rejected', message);
}

/** The base address and the way to it. @throws Error naming DOCKER_HOST */
function reach({ host = DEFAULT_SOCKET, tls }: DockerOptions): { base: string; transport: TransportOptions } {
  const socketPath = /^unix:\/\/(\/.+)$/.exec(host)?.[1];
  if (socketPath !== undefined) return { base: 'http://localhost', transport: { socketPath } };
  const address = /^tcp:\/\/([^/@]+)\/?$/.exec(host)?.[1];
  if (address === undefined || !URL.canParse(`http://${address}`)) {
    throw new Error('DOCKER_HOST is no address of an Engine; set it to unix:///path or tcp://host:port.');
  }
  if (tls) return { base: `https://${address}`, transport: tls };
  if (!isLoopback(`http://${address}`)) {
    throw new Error(
      'DOCKER_HOST is on another machine, where anybody could ask; set DOCKER_CERT_PATH to its certificates.',
    );
  }
  return { base: `http://${address}`, transport: {} };
}
