/**
 * Whether agents reach us. From here nobody can try the way from outside; but the record tells how the last results
 * came: delivered at the public address, or fetched from agents after their webhooks were lost.
 */
import type { Store } from '../store/store';
import { fail, ok, unknown, warn, type Finding } from './finding';

/** Results that are looked at, newest first. */
const LOOKED_AT = 20;
/** What was delivered longer ago says little about the way now. */
const STALE_MS = 7 * 86_400_000;
/** Who brings a result by webhook, as the ledger names them. */
const BY_WEBHOOK = 'callback:';
const MEND = 'Let agents through to PUBLIC_URL/webhook (proxy, firewall, DNS), then run a workflow';

export async function examineWebhooks(
  store: Pick<Store, 'searchLedger'>,
  now: number,
  publicUrl: string,
): Promise<Finding> {
  const { items } = await store.searchLedger({ action: 'run.result' }, LOOKED_AT);
  const entries = items.map(({ entry }) => entry);
  const last = entries.find(({ actor }) => actor.startsWith(BY_WEBHOOK));
  const { host } = new URL(publicUrl);
  if (entries.length === 0)
    return unknown(
      'webhooks',
      `no agent has delivered a result to ${host} yet`,
      'Run a workflow, and ask again',
    );
  if (!last)
    return fail(
      'webhooks',
      `the last ${entries.length} results had to be fetched: none was delivered to ${host}`,
      MEND,
    );
  const fetched = entries.indexOf(last);
  const at = new Date(last.at).toISOString();
  if (fetched > 0)
    return warn('webhooks', `the last ${fetched} had to be fetched; one was delivered at ${at}`, MEND);
  if (now - last.at > STALE_MS)
    return unknown('webhooks', `the last result was delivered at ${at}`, 'Run a workflow, and ask again');
  return ok('webhooks', `an agent delivered a result at ${at}`);
}
