import type { KeptProtocol, ProtocolStore } from '../protocols';
import { clone, commit } from './commit';
import { compare } from './order';
import type { Tables } from './tables';

export type ProtocolTable = Map<string, KeptProtocol>;

/** The rules of `postgres/protocols.ts`, on a map. */
export function memoryProtocols(tables: Tables): ProtocolStore {
  const { protocols } = tables;
  const running = () => [...protocols.values()].find(({ protocol }) => protocol.status === 'running');
  return {
    runningProtocol: async () => clone(running()),
    protocol: async (id) => clone(protocols.get(id)),
    protocols: async (limit) =>
      [...protocols.values()]
        .map(({ protocol }) => clone(protocol))
        .sort((a, b) => b.startedAt - a.startedAt || compare(b.id, a.id))
        .slice(0, limit),
    addProtocol: async (protocol, entry) => {
      if (running() || protocols.has(protocol.id)) return false;
      protocols.set(protocol.id, { protocol: clone(protocol), version: 1 });
      commit(tables, { at: entry.at, ledger: [entry] });
      return true;
    },
    saveProtocol: async (protocol, version, entry) => {
      const known = protocols.get(protocol.id);
      if (known?.version !== version || known.protocol.status !== 'running') return false;
      protocols.set(protocol.id, { protocol: clone(protocol), version: version + 1 });
      if (entry) commit(tables, { at: entry.at, ledger: [entry] });
      return true;
    },
  };
}
