/** What the controller says of itself. */
import { existsSync } from 'node:fs';
import type { Booted } from './booted';
import type { Context } from './context';
import type { DeployRecord } from './deploy-log';
import { healthFault } from './health';
import type { Enforcement } from './limits';
import type { Intent, Slot } from './state';

/** A health endpoint that takes longer is not well. */
const LOOK_MS = 400;

export interface SlotStatus {
  slot: string;
  commit: string;
  role: 'live' | 'previous';
  running: boolean;
  pid?: number;
  port?: number;
  internal_port?: number;
  internal_socket?: string;
  in_flight?: number;
}

/** Texts are empty where there is nothing to say. */
export interface Status {
  live_slot: string;
  live_commit: string;
  previous_slot: string;
  previous_commit: string;
  staging_dir: string;
  last_deploy_time: string;
  healthy: boolean;
  proxy_listening: boolean;
  consecutive_failures: number;
  slots: SlotStatus[];
  /** How the contract's limits hold here, and which do not. */
  limits: { by: Enforcement['by']; unenforced?: string[]; why?: string };
  /** What is under way. */
  current: Intent | null;
  /** Kinds of what the last reconciliation found. */
  findings: string[];
  recent_deploys: DeployRecord[];
}

export async function statusOf(ctx: Context, staging: string): Promise<Status> {
  const { live, previous, last_deploy_time, consecutive_failures, intent } = ctx.state.now;
  const slots = [
    live && slotStatus(live, 'live', ctx.live),
    previous && slotStatus(previous, 'previous', ctx.warm),
  ];
  return {
    live_slot: live?.name ?? '',
    live_commit: live?.commit ?? '',
    previous_slot: previous?.name ?? '',
    previous_commit: previous?.commit ?? '',
    staging_dir: existsSync(staging) ? staging : '',
    last_deploy_time,
    healthy: await isHealthy(ctx),
    proxy_listening: ctx.listening,
    consecutive_failures,
    slots: slots.filter((slot) => slot !== null),
    limits: limitsOf(ctx.enforcement),
    current: intent,
    findings: ctx.state.now.findings,
    recent_deploys: ctx.deployLog.recent().filter(({ kind }) => kind !== 'reconcile'),
  };
}

const limitsOf = ({ by, unenforced }: Enforcement): Status['limits'] => ({
  by,
  ...(unenforced && { unenforced: unenforced.fields, why: unenforced.why }),
});

/** The app's own word, asked now: a shell may outlive the app it started. */
async function isHealthy(ctx: Context): Promise<boolean> {
  const { live } = ctx;
  if (!live?.app.alive) return false;
  return (await healthFault(ctx.contract, live.ports, LOOK_MS)) === undefined && live.app.alive;
}

function slotStatus(slot: Slot, role: SlotStatus['role'], booted: Booted | undefined): SlotStatus {
  const base = { slot: slot.name, commit: slot.commit, role };
  if (booted?.slot.name !== slot.name || !booted.app.alive) return { ...base, running: false };
  return {
    ...base,
    running: true,
    pid: booted.app.pid,
    port: booted.ports.port,
    ...(booted.ports.internalSocket === undefined
      ? { internal_port: booted.ports.internalPort }
      : { internal_socket: booted.ports.internalSocket }),
    in_flight: booted.inFlight,
  };
}
