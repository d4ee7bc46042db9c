/**
 * The whole engine in virtual time, without faults: what a day of schedules does takes a moment. Agents boot and
 * work for as long as they are told, and every job is written down with the time it reached its agent.
 */
import { EventEmitter } from 'node:events';
import type { AgentRunRequest } from '../../../src/contract';
import type { Shift } from '../../../src/domain/capsule';
import type { LedgerEntry } from '../../../src/domain/ledger';
import { DEFAULT_LIMITS } from '../../../src/domain/limits';
import { Callbacks } from '../../../src/engine/callbacks';
import type { EngineDeps } from '../../../src/engine/context';
import { Engine } from '../../../src/engine/engine';
import type { Agents, Clock, Hint, Queue } from '../../../src/engine/ports';
import type { Platform } from '../../../src/platforms/platform';
import type { RegistryInput } from '../../../src/registry';
import { createMemoryStore } from '../../../src/store/memory';
import { VirtualClock } from '../../simulation/clock';
import { seeded, seededUuid } from '../../simulation/random';
import { checked } from './registry';

interface Replica {
  bootId: string;
  listening: boolean;
  current?: { runId: string; stepId: string };
}

interface AgentTimes {
  bootMs: number;
  workMs: number;
}

export interface VirtualOptions {
  startsAt: number;
  agents: Array<Partial<RegistryInput['agents'][number]> & { id: string } & AgentTimes>;
  workflows: RegistryInput['workflows'];
}

const capsuleOf = (agentId: string): string => `capsule-${agentId}`;
const urlOf = (agentId: string): string => `http://${agentId}.test`;
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export class VirtualWorld {
  readonly clock: VirtualClock;
  readonly store = createMemoryStore();
  /** Every job, with when it reached its agent. */
  readonly jobs: Array<{ stepId: string; workflowId: string; runId: string; at: number }> = [];
  private readonly random = seeded(1);
  private readonly replicas = new Map<string, Replica>();
  private readonly times: Map<string, AgentTimes>;
  private readonly registry;
  private staff: { engine: Engine; alive: boolean; take: (hint: Hint) => void } | undefined;

  constructor({ startsAt, agents, workflows }: VirtualOptions) {
    this.clock = new VirtualClock(startsAt);
    this.times = new Map(agents.map(({ id, bootMs, workMs }) => [id, { bootMs, workMs }]));
    this.registry = checked({
      agents: agents.map(({ bootMs: _b, workMs: _w, ...agent }) => ({
        name: agent.id,
        capsuleId: capsuleOf(agent.id),
        baseUrl: urlOf(agent.id),
        lingerSeconds: 0,
        ...agent,
      })),
      workflows,
    });
  }

  /** A process begins to work; the one before is gone between two of its awaits. */
  async staffed(): Promise<Engine> {
    if (this.staff) this.staff.alive = false;
    const staff = { engine: undefined as unknown as Engine, alive: true, take: (_: Hint): void => undefined };
    staff.engine = new Engine(this.deps(staff));
    this.staff = staff;
    void staff.engine.start();
    await this.until(this.clock.now() + 1);
    return staff.engine;
  }

  dismiss(): void {
    if (this.staff) this.staff.alive = false;
  }

  until(time: number): Promise<void> {
    return this.clock.runUntil(time, () => undefined);
  }

  /** Starts a run and lets `ms` pass. Answers its id. */
  async run(workflowId: string, ms: number, input: Record<string, unknown> = {}): Promise<string> {
    const started = this.staff?.engine.trigger(workflowId, input, { actor: 'test' });
    await this.until(this.clock.now() + ms);
    const answer = await started;
    if (answer?.kind !== 'created') throw new Error(`no run of ${workflowId}: ${answer?.kind}`);
    return answer.runId;
  }

  running(agentId: string): boolean {
    return this.replicas.has(agentId);
  }

  /** The shifts of an agent's capsule, oldest first. */
  async shifts(agentId: string): Promise<Shift[]> {
    return (await this.store.shifts({ capsuleId: capsuleOf(agentId) }, 500)).items.reverse();
  }

  async told(action: string): Promise<LedgerEntry[]> {
    const entries = (await this.store.ledger(0, 100_000)).map(({ body }) => JSON.parse(body) as LedgerEntry);
    return entries.filter((entry) => entry.action === action);
  }

  private deps(staff: { alive: boolean; take: (hint: Hint) => void }): EngineDeps {
    return {
      store: mortal(this.store, staff),
      queue: this.queue(staff),
      platform: mortal(this.platform(), staff),
      agents: mortal(this.agents(), staff),
      clock: this.clockOf(staff),
      random: this.random,
      newId: () => seededUuid(this.random),
      callbacks: new Callbacks('a-secret-of-the-test', 'http://orchestrator/webhook'),
      registry: this.registry,
      limits: DEFAULT_LIMITS,
      log: SILENT,
      performing: true,
      events: new EventEmitter(),
    };
  }

  private clockOf(staff: { alive: boolean }): Clock {
    return {
      now: () => this.clock.now(),
      after: (ms, callback) => this.clock.after(ms, () => staff.alive && callback()),
    };
  }

  private queue(staff: { alive: boolean; take: (hint: Hint) => void }): Queue {
    return {
      hint: async (hint, delayMs) => void this.clock.after(delayMs, () => staff.alive && staff.take(hint)),
      setSchedules: async () => [],
      schedules: async () => this.registry.workflows.flatMap((w) => (w.schedule ? [w.id] : [])),
      work: async ({ hint }) => {
        staff.take = (h) => void hint(h);
      },
      pause: async () => undefined,
      ping: async () => undefined,
      close: async () => undefined,
    };
  }

  private platform(): Platform {
    const agentOf = (capsuleId: string) => capsuleId.replace(/^capsule-/, '');
    return {
      name: 'virtual',
      scale: async (capsuleId, replicas) => this.scale(agentOf(capsuleId), replicas),
      observe: async (capsuleId) => {
        const count = this.replicas.has(agentOf(capsuleId)) ? 1 : 0;
        return { running: count, desired: count };
      },
      close: async () => undefined,
    };
  }

  private scale(agentId: string, replicas: number): void {
    if (replicas === 0) this.replicas.delete(agentId);
    if (replicas === 0 || this.replicas.has(agentId)) return;
    const replica: Replica = { bootId: seededUuid(this.random), listening: false };
    this.replicas.set(agentId, replica);
    this.clock.after(this.times.get(agentId)?.bootMs ?? 0, () => (replica.listening = true));
  }

  private agents(): Agents {
    const at = (baseUrl: string) => {
      const agentId = new URL(baseUrl).hostname.replace(/\.test$/, '');
      const replica = this.replicas.get(agentId);
      return { agentId, replica: replica?.listening ? replica : undefined };
    };
    return {
      health: async (baseUrl) => {
        const { replica } = at(baseUrl);
        return replica
          ? { kind: 'healthy', bootId: replica.bootId }
          : { kind: 'silent', detail: 'ECONNREFUSED' };
      },
      run: async (baseUrl, request) => {
        const { agentId, replica } = at(baseUrl);
        if (!replica) return { kind: 'unreachable', message: 'ECONNREFUSED' };
        this.work(agentId, replica, request);
        return { kind: 'accepted' };
      },
      status: async (baseUrl) => {
        const { replica } = at(baseUrl);
        if (!replica) return { kind: 'silent', detail: 'ECONNREFUSED' };
        const { bootId, current } = replica;
        const state = current ? 'running' : 'idle';
        return { kind: 'status', status: { state, bootId, ...(current && { current }) } };
      },
      cancel: async () => undefined,
      close: async () => undefined,
    };
  }

  private work(
    agentId: string,
    replica: Replica,
    { runId, stepId, workflowId, config, input }: AgentRunRequest,
  ): void {
    this.jobs.push({ stepId, workflowId, runId, at: this.clock.now() });
    replica.current = { runId, stepId };
    const durationMs = this.times.get(agentId)?.workMs ?? 0;
    this.clock.after(durationMs, () => {
      delete replica.current;
      const token = new URL(config.webhookUrl).searchParams.get('token') ?? '';
      const output = { branch: input['branch'] ?? 'taken' };
      const result = { runId, stepId, workflowId, status: 'success' as const, output, durationMs };
      void this.staff?.engine.result(token, result);
    });
  }
}

/** A port that a process which is gone neither calls nor hears from. */
function mortal<T extends object>(port: T, staff: { alive: boolean }): T {
  const never = () => new Promise<never>(() => undefined);
  return new Proxy(port, {
    get: (target, key) => {
      const member = Reflect.get(target, key) as unknown;
      if (typeof member !== 'function') return member;
      return async (...args: unknown[]) => {
        if (!staff.alive) return never();
        const answer: unknown = await (member as (...a: unknown[]) => unknown).apply(target, args);
        return staff.alive ? answer : never();
      };
    },
  });
}
