/** What goes on at an orchestrator now, in one reading. */
import { z } from 'zod';
import { AlertView } from '../../http/views/alert';
import { ApprovalView } from '../../http/views/approval';
import { RunSummary } from '../../http/views/run';
import { SwitchView } from '../../http/views/switch';
import { CapsuleList, type CapsuleSeen } from '../capsules';
import type { ApiClient } from '../client';

/** Shown at most of each; counts are true. */
const PAGE = 100;

const Counts = z.object({ total: z.number(), byStatus: z.record(z.string(), z.number()) });

export interface Snapshot {
  /** ISO 8601, of this machine. */
  at: string;
  counts: Record<string, number>;
  capsules: CapsuleSeen[];
  running: RunSummary[];
  queued: RunSummary[];
  alerts: Array<z.infer<typeof AlertView>>;
  switches: Array<z.infer<typeof SwitchView>>;
  approvals: Array<z.infer<typeof ApprovalView>>;
}

const page = <T>(item: z.ZodType<T>) => z.object({ items: z.array(item) });

/** @throws CliError when the orchestrator does not answer, or says no */
export async function snapshot(api: ApiClient, signal: AbortSignal): Promise<Snapshot> {
  const list = async <T>(path: string, item: z.ZodType<T>, query: Record<string, string>) =>
    (await api.get(path, page(item), { query: { ...query, limit: PAGE }, signal })).items;
  const [counts, capsules, running, queued, alerts, switches, approvals] = await Promise.all([
    api.get('/runs/counts', Counts, { signal }),
    api.get('/capsules', CapsuleList, { signal }),
    list('/runs', RunSummary, { status: 'running' }),
    list('/runs', RunSummary, { status: 'queued' }),
    list('/alerts', AlertView, { open: 'true' }),
    list('/switches', SwitchView, { on: 'true' }),
    list('/approvals', ApprovalView, {}),
  ]);
  const at = new Date().toISOString();
  const items = capsules.items;
  return { at, counts: counts.byStatus, capsules: items, running, queued, alerts, switches, approvals };
}
