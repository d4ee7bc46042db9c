/** Everything the verbs of the engine work with, wired once in `compose.ts`. */
import type { EventEmitter } from 'node:events';
import type { AgentRunResult } from '../contract';
import type { Limits } from '../domain/limits';
import type { BudgetDefaults } from './budgets/declared';
import type { Alert, AlertChange } from '../domain/alert';
import type { CapsuleState } from '../domain/capsule';
import type { WorkedShift } from '../domain/cost/attribute';
import type { Rollout } from '../domain/rollout/rollout';
import type { MovedBack } from '../domain/rollout-spans';
import type { RunState } from '../domain/run';
import type { Builds } from '../platforms/builds';
import type { Platform } from '../platforms/platform';
import type { Registry } from '../registry';
import type { Store } from '../store/store';
import type { Outbox } from './alerts';
import type { Callbacks } from './callbacks';
import type { Agents, Clock, Log, Queue } from './ports';

export interface EngineDeps {
  store: Store;
  queue: Queue;
  platform: Platform;
  /** Absent where the platform builds nothing. */
  builds?: Builds;
  agents: Agents;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  newId: () => string;
  callbacks: Callbacks;
  registry: Registry;
  limits: Limits;
  log: Log;
  /** False in the web role: commands are left to a worker. */
  performing: boolean;
  /** Which of the environments that may be switched off this is. */
  environment?: string;
  /** What the whole installation may spend and do, and the zone its days begin in. Absent: nothing is limited; UTC. */
  budgets?: BudgetDefaults & { zone: string };
  /** Set while this process performs nothing: why, for people. */
  disabled?: string;
  /** Where people reach this installation, for links in what they are told. */
  publicUrl?: string;
  /** What agents may do without asking, unless the registry says otherwise. */
  thresholds?: { spendUsd: number; confidence: number };
  /** Absent: nobody is told of alerts but by the record and the log. */
  outbox?: Outbox;
  /** Tells what was committed; for people who watch, never for decisions. */
  events: EventEmitter<EngineEvents>;
}

export interface SettledResult {
  agentId: string;
  releaseId?: string;
  /** From its arrival until it was durable and what follows was decided. */
  ms: number;
  result: Pick<AgentRunResult, 'usage' | 'actions'>;
}

export interface EngineEvents {
  run: [RunState];
  capsule: [CapsuleState];
  alert: [Alert, AlertChange];
  rollout: [Rollout];
  /** The pointer went back without a rollout being under way. */
  rollback: [MovedBack];
  /** A result counts, and is durable: once each, in the process that took it. */
  settled: [SettledResult];
  /** A shift is over and booked: once each, in the process that booked it. */
  shift: [WorkedShift];
}
