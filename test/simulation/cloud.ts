/** A platform and the agents on it, in virtual time: replicas boot, work, crash and terminate. */
import type { AgentRunRequest, AgentRunResult } from '../../src/contract';
import type { Agents, Clock, ProbeAnswer, SendAnswer, StatusAnswer } from '../../src/engine/ports';
import { PlatformError, type Observation, type Platform } from '../../src/platforms/platform';
import type { Faults } from './faults';
import { seededUuid } from './random';

interface Replica {
  bootId: string;
  listening: boolean;
  current?: AgentRunRequest;
  last?: AgentRunResult;
  seen: Set<string>;
  alive: boolean;
}

interface Capsule {
  id: string;
  baseUrl: string;
  desired: number;
  replica?: Replica;
  /** Replicas that were told to stop and have not yet. */
  terminating: Set<Replica>;
  /** What a stale read answers. */
  past: Observation;
}

export interface CloudOptions {
  clock: Clock;
  random: () => number;
  faults: Faults;
  /** Delivers a webhook to whichever orchestrator is alive. Resolves true on 2xx. */
  deliver: (url: string, result: AgentRunResult) => Promise<boolean>;
  onScale: (capsuleId: string, replicas: number) => void;
  /** Why a capsule does not come up: its platform refuses to scale it, or its replica never listens. */
  broken?: (capsuleId: string) => 'refused' | 'never-starts' | undefined;
  /** How long a replica boots at least, and what chance may add; default 1 s and 9 s. */
  bootMs?: readonly [least: number, more: number];
  /** What the agents deliver besides what they always do, and how long it takes them. */
  work?: (request: AgentRunRequest) => Partial<AgentRunResult>;
}

/** How much later a scale call that is executed twice is executed again, at most. */
const TWICE_MS = 5_000;

export class Cloud implements Platform, Agents {
  readonly name = 'simulated';
  readonly capsules = new Map<string, Capsule>();
  /** How often each attempt's work was begun, per agent process. */
  readonly worked = new Map<string, number>();
  /** Steps that were begun on a capsule while another was at work on them: which, and on which two. */
  readonly twice: Array<{ job: string; capsules: string[] }> = [];
  private readonly byUrl = new Map<string, Capsule>();

  constructor(private readonly options: CloudOptions) {}

  add(id: string, baseUrl: string): void {
    const past = { desired: 0, running: 0 };
    const capsule: Capsule = { id, baseUrl, desired: 0, terminating: new Set(), past };
    this.capsules.set(id, capsule);
    this.byUrl.set(baseUrl, capsule);
  }

  /** Whether nothing runs, nothing is asked to, and nothing is about to stop. */
  get isDark(): boolean {
    for (const { desired, replica, terminating } of this.capsules.values())
      if (desired > 0 || replica || terminating.size > 0) return false;
    return true;
  }

  running(id: string): number {
    const capsule = this.capsule(id);
    return (capsule.replica ? 1 : 0) + capsule.terminating.size;
  }

  async scale(capsuleId: string, replicas: number): Promise<void> {
    const { clock, random, faults } = this.options;
    await this.latency(20, 200);
    if (faults.strikes('scale-lost')) throw new PlatformError('unavailable', 'no answer', true);
    const isRefused = replicas > 0 && this.options.broken?.(capsuleId) === 'refused';
    if (faults.strikes('scale-refused') || isRefused)
      throw new PlatformError('unavailable', 'HTTP 503', false);
    this.options.onScale(capsuleId, replicas);
    this.apply(this.capsule(capsuleId), replicas);
    // What was asked for meanwhile is undone by that, and nobody asked for it: it is not told.
    if (faults.strikes('scale-twice'))
      clock.after(random() * TWICE_MS, () => this.apply(this.capsule(capsuleId), replicas));
    if (faults.strikes('scale-answer-lost')) throw new PlatformError('unavailable', 'timed out', true);
  }

  async observe(capsuleId: string): Promise<Observation> {
    await this.latency(10, 100);
    const { faults } = this.options;
    const capsule = this.capsule(capsuleId);
    if (faults.strikes('observe-failed')) throw new PlatformError('unavailable', 'HTTP 502');
    if (faults.strikes('observe-stale') && capsule.past.running !== 0) return capsule.past;
    capsule.past = { desired: capsule.desired, running: this.running(capsuleId) };
    return capsule.past;
  }

  async health(baseUrl: string): Promise<ProbeAnswer> {
    await this.latency(1, 5);
    const { faults } = this.options;
    const replica = this.answering(baseUrl);
    if (!replica) return { kind: 'silent', detail: 'ECONNREFUSED' };
    if (faults.strikes('probe-lost')) return { kind: 'silent', detail: 'ETIMEDOUT' };
    if (faults.strikes('probe-not-ready')) return { kind: 'not-ready', detail: 'HTTP 503' };
    return { kind: 'healthy', bootId: replica.bootId };
  }

  async run(baseUrl: string, request: AgentRunRequest): Promise<SendAnswer> {
    await this.latency(1, 10);
    const { faults } = this.options;
    const replica = this.answering(baseUrl);
    if (!replica) return { kind: 'unreachable', message: 'ECONNREFUSED' };
    if (faults.strikes('send-lost')) return { kind: 'unreachable', message: 'ETIMEDOUT' };
    const key = jobKey(request);
    if (!replica.seen.has(key)) {
      if (replica.current || faults.strikes('busy')) return { kind: 'busy', retryAfterMs: 1_000 };
      this.begin(baseUrl, replica, request);
    }
    return faults.strikes('send-answer-lost')
      ? { kind: 'unreachable', message: 'ETIMEDOUT' }
      : { kind: 'accepted' };
  }

  async status(baseUrl: string): Promise<StatusAnswer> {
    await this.latency(1, 10);
    const replica = this.answering(baseUrl);
    if (!replica) return { kind: 'silent', detail: 'ECONNREFUSED' };
    if (this.options.faults.strikes('status-lost')) return { kind: 'silent', detail: 'ETIMEDOUT' };
    const { bootId, current, last } = replica;
    const job = current && { runId: current.runId, stepId: current.stepId };
    return {
      kind: 'status',
      status: {
        state: current ? 'running' : 'idle',
        bootId,
        ...(job && { current: job }),
        ...(last && { last }),
      },
    };
  }

  async cancel(baseUrl: string, job: { runId: string; stepId: string }): Promise<void> {
    await this.latency(1, 10);
    if (this.options.faults.strikes('cancel-lost')) return;
    const replica = this.answering(baseUrl);
    if (replica?.current?.runId === job.runId && replica.current.stepId === job.stepId)
      delete replica.current;
  }

  async close(): Promise<void> {
    // Nothing to release: the world is in memory.
  }

  private apply(capsule: Capsule, replicas: number): void {
    capsule.desired = replicas;
    if (replicas === 0 && capsule.replica) this.terminate(capsule, capsule.replica);
    if (replicas > 0 && !capsule.replica) this.boot(capsule, this.neverStarts(capsule.id));
  }

  private neverStarts(capsuleId: string): boolean {
    const { faults, broken } = this.options;
    return faults.strikes('never-starts') || broken?.(capsuleId) === 'never-starts';
  }

  private boot(capsule: Capsule, never: boolean): void {
    const { clock, random } = this.options;
    const replica: Replica = { bootId: seededUuid(random), listening: false, seen: new Set(), alive: true };
    capsule.replica = replica;
    if (never) return;
    const [least, more] = this.options.bootMs ?? [1_000, 9_000];
    clock.after(least + random() * more, () => {
      replica.listening = replica.alive;
    });
  }

  private terminate(capsule: Capsule, replica: Replica): void {
    const { clock, random, faults } = this.options;
    delete capsule.replica;
    capsule.terminating.add(replica);
    const zombie = faults.strikes('zombie');
    if (!zombie) replica.listening = false;
    clock.after(zombie ? 3_000 + random() * 5_000 : 200 + random() * 800, () => {
      capsule.terminating.delete(replica);
      this.die(replica);
    });
  }

  private die(replica: Replica): void {
    replica.alive = false;
    replica.listening = false;
    delete replica.current;
  }

  private begin(baseUrl: string, replica: Replica, request: AgentRunRequest): void {
    const { clock, random, faults } = this.options;
    const key = `${replica.bootId}/${jobKey(request)}`;
    this.worked.set(key, (this.worked.get(key) ?? 0) + 1);
    const here = this.byUrl.get(baseUrl)?.id ?? baseUrl;
    for (const { id, replica: there } of this.capsules.values())
      if (id !== here && isSameStep(there?.current, request))
        this.twice.push({ job: jobKey(request), capsules: [here, id] });
    replica.seen.add(jobKey(request));
    replica.current = request;
    if (faults.strikes('agent-hangs')) return;
    const workMs = this.options.work?.(request).durationMs ?? 500 + random() * 20_000;
    if (faults.strikes('agent-crash')) {
      clock.after(workMs / 2, () => this.crash(baseUrl, replica));
      return;
    }
    clock.after(workMs, () => {
      if (!replica.alive || replica.current !== request) return;
      this.finish(replica, request, workMs);
    });
  }

  private finish(replica: Replica, request: AgentRunRequest, durationMs: number): void {
    const { runId, stepId, workflowId, config, input } = request;
    const failed = this.options.faults.strikes('agent-error');
    const result: AgentRunResult = {
      runId,
      stepId,
      workflowId,
      ...(config.attempt !== undefined && { attempt: config.attempt }),
      status: failed ? 'error' : 'success',
      output: { [`from-${stepId}`]: Object.keys(input['steps'] ?? {}).length },
      durationMs,
      ...(failed && { error: 'simulated' }),
      ...this.options.work?.(request),
    };
    delete replica.current;
    replica.last = result;
    this.report(replica, config.webhookUrl, result, 0);
    if (this.options.faults.strikes('webhook-twice')) this.report(replica, config.webhookUrl, result, 0);
  }

  private report(replica: Replica, url: string, result: AgentRunResult, tries: number): void {
    const { clock, random, faults, deliver } = this.options;
    if (faults.strikes('webhook-lost')) return;
    clock.after(1 + random() * 20, () => {
      if (!replica.alive || tries > 8) return;
      void deliver(url, result).then((acknowledged) => {
        if (!acknowledged) clock.after(500 * 2 ** tries, () => this.report(replica, url, result, tries + 1));
      });
    });
  }

  /** The process dies; its platform starts another in the same shift. */
  private crash(baseUrl: string, replica: Replica): void {
    const capsule = this.byUrl.get(baseUrl);
    this.die(replica);
    if (capsule?.replica === replica) this.boot(capsule, false);
  }

  private answering(baseUrl: string): Replica | undefined {
    const capsule = this.byUrl.get(baseUrl);
    if (capsule?.replica?.listening) return capsule.replica;
    return [...(capsule?.terminating ?? [])].find((r) => r.listening);
  }

  private capsule(id: string): Capsule {
    const capsule = this.capsules.get(id);
    if (!capsule) throw new PlatformError('not-found', `no capsule ${id}`);
    return capsule;
  }

  private latency(low: number, high: number): Promise<void> {
    const { clock, random } = this.options;
    return new Promise((resolve) => {
      clock.after(low + random() * (high - low), resolve);
    });
  }
}

const isSameStep = (a: AgentRunRequest | undefined, b: AgentRunRequest): boolean =>
  a?.runId === b.runId && a.stepId === b.stepId;

const jobKey = (r: AgentRunRequest): string => `${r.runId}/${r.stepId}/${r.config.attempt ?? 1}`;
