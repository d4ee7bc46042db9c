/** A slot with a running process: in traffic, or warm behind it. */
import { randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppProcess, freePorts } from './app-process';
import { call } from './call';
import type { AppContract } from './config';
import type { Context } from './context';
import { internalOf, slotEnvironment, type Ports } from './environment';
import { messageOf, StageError } from './errors';
import type { Slot } from './state';
import { Upstream } from './upstream';
import { socketFolder } from './users';

/** What an app may take to say that it heard. */
const TELL_MS = 1_000;
/** After its connections were cut an app may still close files. */
const MIN_GRACE_MS = 250;

export class Booted {
  readonly upstream: Upstream;
  readonly internal: Upstream;
  private draining: { done: Promise<number>; stop: AbortController } | undefined;
  private deadline = 0;

  constructor(
    readonly slot: Slot,
    readonly app: AppProcess,
    readonly ports: Ports,
    /** For what is run beside it. */
    readonly env: Record<string, string>,
    private readonly contract: AppContract,
  ) {
    this.upstream = new Upstream({ port: ports.port });
    this.internal = new Upstream(internalOf(ports));
  }

  get inFlight(): number {
    return this.upstream.busy + this.internal.busy;
  }

  /** Waits for what is in flight, `drain_timeout_ms` at most, then cuts it. Asked twice it is the same wait. */
  drain(): Promise<number> {
    if (this.draining === undefined) {
      const { drain_timeout_ms: timeoutMs } = this.contract;
      this.deadline = performance.now() + timeoutMs;
      const stop = new AbortController();
      const both = [this.upstream, this.internal].map((u) => u.drain(timeoutMs, stop.signal));
      this.draining = { stop, done: Promise.all(both).then(([a = 0, b = 0]) => a + b) };
    }
    return this.draining.done;
  }

  /** Back in traffic: what is in flight is not cut any more. */
  resume(): void {
    this.draining?.stop.abort();
    this.draining = undefined;
  }

  /** Drains, then ends the whole group; resolves when it is gone. */
  async retire(): Promise<void> {
    await this.drain();
    await this.app.stop(Math.max(MIN_GRACE_MS, this.deadline - performance.now()));
  }

  /** Tells the app that it is out of traffic, or back in it. An app that cannot be told is let be. */
  async quiet(quiet: boolean): Promise<void> {
    if (!this.app.alive) return;
    const path = this.contract.quiet_endpoint;
    if (path === undefined) return this.app.tell(quiet ? 'SIGUSR2' : 'SIGCONT');
    await call({
      to: internalOf(this.ports),
      path,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ quiet }),
      timeoutMs: TELL_MS,
    });
  }
}

/** Free ports, and a socket's path that nobody had before. */
async function placesFor({ port, internal_port: internal, ...contract }: AppContract): Promise<Ports> {
  const ports = await freePorts(internal !== undefined && internal !== port);
  const { internal_socket: socket } = contract;
  if (socket === undefined) return ports;
  const name = `${randomBytes(6).toString('hex')}.sock`;
  return { ...ports, internalSocket: join(await socketFolder(socket, contract.run_as), name) };
}

/** Starts a slot's app on free ports; it is not asked for its health yet. */
export async function boot(ctx: Context, slot: Slot): Promise<Booted> {
  const { contract, disk } = ctx;
  const ports = await placesFor(contract);
  const env = await slotEnvironment(contract, ctx.mark, ports, ctx.appEnv);
  let app: AppProcess;
  try {
    app = await AppProcess.start({
      command: contract.start_command,
      folder: disk.path(slot.name),
      env,
      logFile: disk.logFile(slot.name, 'app'),
      ...ctx.confinement,
    });
  } catch (cause) {
    throw new StageError('boot', `The start command cannot be run: ${messageOf(cause)}.`, 500, { cause });
  }
  const booted = new Booted(slot, app, ports, env, contract);
  await ctx.started(slot.name, app);
  void app.exited.then((end) => {
    if (ports.internalSocket !== undefined) rmSync(ports.internalSocket, { force: true });
    ctx.ended(booted, end);
  });
  return booted;
}

/** Resolves at the promise's end or after `ms`, whichever is first. */
export const atMost = (promise: Promise<unknown>, ms: number): Promise<unknown> =>
  Promise.race([promise, delay(ms, undefined, { ref: false })]);
