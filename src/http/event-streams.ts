/**
 * Server-sent events: what this process commits, told to whoever watches. The last events are kept
 * in a ring, so that a watcher who lost its connection goes on where it was; one that was away for
 * too long is told to read everything anew (`reset`). For people, never for decisions.
 */
import { randomUUID } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Alert } from '../domain/alert';
import type { CapsuleState } from '../domain/capsule';
import type { Rollout } from '../domain/rollout/rollout';
import type { RunState } from '../domain/run';
import type { EngineEvents } from '../engine/context';
import type { Clock } from '../engine/ports';
import { RolloutWatch } from './rollout-watch';
import { alertView } from './views/alert';
import { capsuleSummary } from './views/capsule';
import { rolloutView } from './views/release';
import { runSummary } from './views/run';

export interface EventStreamsOptions {
  events: EventEmitter<EngineEvents>;
  clock: Clock;
  /** Events kept for those who come back. */
  ringSize?: number;
  maxClients?: number;
  heartbeatMs?: number;
  /** A stream is ended after this; the watcher comes back with its last id. */
  maxStreamMs?: number;
  /** A watcher that leaves more than this unread is cut off. */
  maxUnreadBytes?: number;
}

const DEFAULTS = {
  ringSize: 1_000,
  maxClients: 100,
  heartbeatMs: 15_000,
  maxStreamMs: 3_600_000,
  maxUnreadBytes: 1024 * 1024,
};
/** How soon a watcher is asked to come back. */
const RETRY_MS = 2_000;

interface Told {
  seq: number;
  /** As it is sent; made once somebody is there to read it. */
  text: () => string;
}

interface Client {
  res: ServerResponse;
  close: () => void;
}

export class EventStreams {
  private readonly options: Required<EventStreamsOptions>;
  /** Distinguishes this process's numbers from those of another, or of its own past life. */
  private readonly epoch = randomUUID().slice(0, 8);
  private readonly ring: Told[] = [];
  private readonly clients = new Set<Client>();
  /** Who watches one rollout each. */
  readonly rollouts: RolloutWatch;
  private seq = 0;
  private closed = false;
  private readonly onRun = (run: RunState) => this.tell('run', () => runSummary(run));
  private readonly onCapsule = (capsule: CapsuleState) => this.tell('capsule', () => capsuleSummary(capsule));

  private readonly onAlert = (alert: Alert) => this.tell('alert', () => alertView(alert));
  private readonly onRollout = (rollout: Rollout) => this.tell('rollout', () => rolloutView(rollout));

  constructor(options: EventStreamsOptions) {
    this.options = { ...DEFAULTS, ...options };
    const { events, clock, maxClients } = this.options;
    this.rollouts = new RolloutWatch({ events, clock, maxWatchers: maxClients });
    options.events.on('rollout', this.onRollout);
    options.events.on('run', this.onRun);
    options.events.on('capsule', this.onCapsule);
    options.events.on('alert', this.onAlert);
  }

  get size(): number {
    return this.clients.size;
  }

  get isFull(): boolean {
    return this.closed || this.clients.size >= this.options.maxClients;
  }

  /**
   * Streams to a response whose headers are sent already, until it closes.
   * @param lastEventId the id the watcher saw last; what came after it is sent first
   */
  open(res: ServerResponse, lastEventId: string | undefined): void {
    const { clock, heartbeatMs, maxStreamMs } = this.options;
    let cancelBeat: () => void = () => undefined;
    const cancelEnd = clock.after(maxStreamMs, () => client.close());
    const client: Client = {
      res,
      close: () => {
        cancelBeat();
        cancelEnd();
        this.clients.delete(client);
        res.end();
      },
    };
    const beat = () => {
      cancelBeat = clock.after(heartbeatMs, () => {
        this.write(client, ': heartbeat\n\n');
        if (this.clients.has(client)) beat();
      });
    };
    this.clients.add(client);
    res.once('close', client.close);
    beat();
    this.write(client, `retry: ${RETRY_MS}\n${this.missed(lastEventId)}`);
  }

  /** Ends every stream and stops listening. */
  close(): void {
    this.closed = true;
    this.options.events.off('run', this.onRun);
    this.options.events.off('capsule', this.onCapsule);
    this.options.events.off('alert', this.onAlert);
    this.options.events.off('rollout', this.onRollout);
    this.rollouts.close();
    for (const client of this.clients) client.close();
  }

  /** What a watcher gets first: where the stream stands, or what it missed, or that it missed too much. */
  private missed(lastEventId: string | undefined): string {
    if (lastEventId === undefined || lastEventId === '') return this.frame(this.seq, 'hello', {});
    const seq = this.seqOf(lastEventId);
    const oldest = this.ring[0]?.seq ?? this.seq + 1;
    if (seq === undefined || seq + 1 < oldest) {
      return this.frame(this.seq, 'reset', { reason: 'events were missed; read the state anew' });
    }
    const missed = this.ring.filter((t) => t.seq > seq);
    return missed.length === 0 ? '\n' : missed.map((t) => t.text()).join('');
  }

  /** Undefined unless the id is one this process gave out. */
  private seqOf(id: string): number | undefined {
    const [epoch, seq, ...rest] = id.split('-');
    const number = /^\d{1,15}$/.test(seq ?? '') ? Number(seq) : NaN;
    return epoch === this.epoch && rest.length === 0 && number <= this.seq ? number : undefined;
  }

  private tell(type: 'run' | 'capsule' | 'alert' | 'rollout', data: () => unknown): void {
    const seq = (this.seq += 1);
    const text = once(() => this.frame(seq, type, data()));
    this.ring.push({ seq, text });
    if (this.ring.length > this.options.ringSize) this.ring.shift();
    for (const client of this.clients) this.write(client, text());
  }

  private frame(seq: number, type: string, data: unknown): string {
    return `id: ${this.epoch}-${seq}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  private write(client: Client, text: string): void {
    client.res.write(text);
    // It does not read: it would fill our memory. It may come back and ask for what it missed.
    if (client.res.writableLength > this.options.maxUnreadBytes) client.res.destroy();
  }
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}
