import type { EmergencyStop } from '../../domain/guard/emergency-stop';
import { switchOver, type Switch } from '../../domain/guard/switch';
import type { LedgerEntry } from '../../domain/ledger';
import { toPage, type Cursor } from '../cursor';
import type { SwitchStore } from '../switches';
import { breakerLeaves } from './breakers';
import { hasMoney } from './budgets';
import { clone, commit } from './commit';
import { compare, newest } from './order';
import type { CapsuleRow, Tables } from './tables';

export class SwitchTables {
  readonly switches = new Map<string, Switch>();
  readonly stops = new Map<string, { stop: EmergencyStop; version: number }>();
  environment = 'development';
}

/** The rules of `postgres/switches.ts`, on maps. */
export function memorySwitches(tables: Tables): SwitchStore {
  const { switches, stops } = tables.guards;
  const note = (entry: LedgerEntry) => commit(tables, { at: entry.at, ledger: [entry] });
  return {
    guardReading: async () => ({
      switches: clone(switchesOn(tables)),
      revokedBefore: Math.max(0, ...[...stops.values()].map(({ stop }) => stop.revokedBefore ?? 0)),
    }),
    addSwitch: async (added, entry) => {
      if (switches.has(added.id)) return;
      switches.set(added.id, clone(added));
      note(entry);
    },
    confirmSwitch: async (id, at, entry) => {
      const known = switches.get(id);
      if (!known || known.inForceAt !== undefined || known.releasedAt !== undefined) return undefined;
      known.inForceAt = at;
      note(entry);
      return clone(known);
    },
    releaseSwitch: async (id, { at, actor }, entry) => {
      const known = switches.get(id);
      if (!known || known.releasedAt !== undefined) return undefined;
      Object.assign(known, { releasedAt: at, releasedBy: actor });
      note(entry);
      return clone(known);
    },
    switch: async (id) => clone(switches.get(id)),
    switches: async ({ on }, limit, cursor) => {
      const key = (s: Switch): Cursor => ({ at: s.createdAt, id: s.id });
      const all = [...switches.values()].filter(
        (s) => on === undefined || on === (s.releasedAt === undefined),
      );
      return toPage(clone(newest(all, key, limit, cursor)), limit, key);
    },
    addStop: async (stop, entry) => {
      if (stops.has(stop.id)) return;
      stops.set(stop.id, { stop: clone(stop), version: 1 });
      note(entry);
    },
    stop: async (id) => clone(stops.get(id)),
    saveStop: async (stop, version, entry) => {
      if (stops.get(stop.id)?.version !== version) return false;
      stops.set(stop.id, { stop: clone(stop), version: version + 1 });
      if (entry) note(entry);
      return true;
    },
    dueStops: async (now, limit) =>
      [...stops.values()]
        .filter(({ stop }) => stop.dueAt !== undefined && stop.dueAt <= now)
        .sort((a, b) => (a.stop.dueAt as number) - (b.stop.dueAt as number) || compare(a.stop.id, b.stop.id))
        .slice(0, limit)
        .map(({ stop }) => stop.id),
  };
}

function switchesOn({ guards }: Tables): Switch[] {
  return [...guards.switches.values()]
    .filter((s) => s.releasedAt === undefined)
    .sort((a, b) => a.createdAt - b.createdAt || compare(a.id, b.id));
}

/** `is_switched_off` of the migration. */
export function isSwitchedOff(tables: Tables, agentId: string, workflowId?: string): boolean {
  if (tables.guards.switches.size === 0) return false;
  const { environment } = tables.guards;
  return switchOver([...tables.guards.switches.values()], { agentId, workflowId, environment }) !== undefined;
}

/** How many of those who wait for a capsule neither a switch, a budget nor a breaker holds. */
export function admissible(
  tables: Tables,
  { state, waiting }: Pick<CapsuleRow, 'state' | 'waiting'>,
): number {
  const leaves = (n: number) => breakerLeaves(tables, state.agentId, n);
  const isFree = switchesOn(tables).length === 0 && tables.money.budgets.size === 0;
  if (waiting === 0 || isFree) return leaves(waiting);
  const free = [...tables.leases.values()].filter(
    (l) =>
      l.capsuleId === state.id &&
      l.grantedAt === undefined &&
      hasMoney(tables, l) &&
      !isSwitchedOff(tables, state.agentId, l.workflowId),
  );
  return leaves(free.length);
}
