/** The ports around the engine, in memory: capsules that are awake at once, agents that take every job. */
import { EventEmitter, once } from 'node:events';
import type { AgentRunRequest } from '../../../src/contract';
import type { Agents, Queue, QueueSchedule } from '../../../src/engine/ports';
import type { Platform } from '../../../src/platforms/platform';
import type { Store } from '../../../src/store/store';

/** Long beyond what a passing test needs. */
const JOB_DEADLINE_MS = 5_000;

/** The platform and the agents on it. */
export class FakeCloud {
  readonly replicas = new Map<string, number>();
  readonly cancelled: Array<{ runId: string; stepId: string }> = [];
  /** False: a capsule that was scaled up never answers. */
  healthy = true;
  /** How often an agent's health was asked. */
  probes = 0;
  private boots = 0;
  private readonly jobs = new EventEmitter<{ job: [AgentRunRequest] }>();
  private readonly unseen: AgentRunRequest[] = [];

  readonly platform: Platform = {
    name: 'fake',
    scale: async (capsuleId, replicas) => {
      this.replicas.set(capsuleId, replicas);
      if (replicas > 0) this.boots += 1;
    },
    observe: async (capsuleId) => {
      const replicas = this.replicas.get(capsuleId) ?? 0;
      return { desired: replicas, running: replicas };
    },
    close: async () => undefined,
  };

  readonly agents: Agents = {
    health: async () => {
      this.probes += 1;
      return this.healthy
        ? { kind: 'healthy', bootId: `boot-${this.boots}` }
        : { kind: 'silent', detail: 'ECONNREFUSED' };
    },
    run: async (_baseUrl, request) => {
      this.unseen.push(request);
      this.jobs.emit('job', request);
      return { kind: 'accepted' };
    },
    status: async () => ({ kind: 'silent', detail: 'not asked in these tests' }),
    cancel: async (_baseUrl, job) => void this.cancelled.push(job),
    close: async () => undefined,
  };

  get jobsWaiting(): number {
    return this.unseen.length;
  }

  /** The next job sent to an agent that no earlier call gave, waiting for it when needed. */
  async nextJob(): Promise<AgentRunRequest> {
    if (this.unseen.length === 0) {
      await once(this.jobs, 'job', { signal: AbortSignal.timeout(JOB_DEADLINE_MS) });
    }
    return this.unseen.shift() as AgentRunRequest;
  }
}

export class FakeQueue implements Queue {
  /** Workflow ids. */
  scheduled: string[] = [];
  ping: () => Promise<void> = async () => undefined;

  async hint(): Promise<void> {}
  async setSchedules(schedules: QueueSchedule[]): Promise<string[]> {
    this.scheduled = schedules.map(({ workflowId }) => workflowId);
    return [];
  }
  async schedules(): Promise<string[]> {
    return this.scheduled;
  }
  async work(): Promise<void> {}
  async pause(): Promise<void> {}
  async close(): Promise<void> {}
}

/** A store that can be told to fail. */
export interface Outage {
  /** What every call of the store rejects with from now on; undefined: it works again. */
  error: Error | undefined;
  /** Whether `ping` fails too. */
  pingFails: boolean;
  /** It neither answers nor breaks off. */
  hangs: boolean;
}

export function withOutage(store: Store): { store: Store; outage: Outage } {
  const outage: Outage = { error: undefined, pingFails: true, hangs: false };
  const proxy = new Proxy(store, {
    get: (target, key, receiver) => {
      const { error, hangs } = outage;
      if (hangs) return () => new Promise(() => undefined);
      if (error === undefined || (key === 'ping' && !outage.pingFails)) {
        return Reflect.get(target, key, receiver) as unknown;
      }
      return () => Promise.reject(error);
    },
  });
  return { store: proxy, outage };
}
