/** Where the result is awaited: on this machine, in an orchestrator's inbox, or nowhere but `GET /status`. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeliverySummaryView, DeliveryView } from '../../../http/views/delivery';
import type { SignatureVerdict } from '../../../store/deliveries';
import { ApiClient, ApiProblem } from '../../client';
import { CliError } from '../../exit';
import { keysOf } from '../../inbox/serve';
import { startLocalInbox } from '../../local-inbox';
import type { Job } from './request';

/** What came for the job, whether it fits or not. */
export interface Arrival {
  /** Parsed JSON; undefined when it was none. */
  value: unknown;
  signature: SignatureVerdict;
  via: 'webhook' | 'status';
  /** What was odd about the way it came. */
  note?: string;
}

export interface Source {
  readonly webhookUrl: string;
  /** Of the webhook, for people: nothing secret. */
  readonly place: string;
  /** False: the webhook cannot be seen, or not all of it; the agent itself tells, at GET /status. */
  readonly sees: boolean;
  /** Resolves with the first delivery for the job; never, once it is aborted. */
  next(job: () => Job, signal: AbortSignal): Promise<Arrival>;
  close(): Promise<void>;
}

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

/** A receiver on this machine, at a path that nobody else knows. */
export async function localSource(secret: string | undefined): Promise<Source> {
  const keys = keysOf(secret);
  const inbox = await startLocalInbox({ port: 0, keys });
  const path = `/results/${randomBytes(8).toString('hex')}`;
  return {
    webhookUrl: inbox.url + path,
    place: inbox.url,
    sees: true,
    close: () => inbox.close(),
    next: (job, signal) =>
      new Promise((resolve) => {
        const look: Parameters<typeof inbox.events.on<'delivery'>>[1] = (delivery, body) => {
          const isThere = delivery.path === path;
          if (!isThere && delivery.about.runId !== job().runId) return;
          inbox.events.off('delivery', look);
          const note = isThere
            ? undefined
            : `it came to ${delivery.path} instead of the exact address it was given`;
          const { signature } = delivery;
          resolve({ value: parse(body.toString('utf8')), signature, via: 'webhook', ...(note && { note }) });
        };
        inbox.events.on('delivery', look);
        signal.addEventListener('abort', () => inbox.events.off('delivery', look), { once: true });
      }),
  };
}

/** The orchestrator's inbox behind a webhook URL of the form `https://orchestrator/inbox/<bin>`. */
const INBOX_URL = /^(https?:\/\/[^?#]+?)\/inbox\/([\w.-]{1,64})\/?$/;
const POLL_MS = 1_000;
/** Deliveries to the bin looked at in one go. */
const PAGE = 50;

/**
 * A webhook elsewhere. One that is an orchestrator's inbox is read over its API; the key goes along
 * only to the orchestrator it belongs to.
 * @throws CliError when that inbox cannot be read
 */
export async function remoteSource(webhookUrl: string, own: ApiClient): Promise<Source> {
  const place = new URL(webhookUrl).origin;
  const [, base, bin] = INBOX_URL.exec(webhookUrl) ?? [];
  if (base === undefined || bin === undefined) {
    return { webhookUrl, place, sees: false, next: never, close: async () => undefined };
  }
  const api = new URL(own.url).origin === place ? own : new ApiClient(base, undefined);
  const seen = new Set((await newest(api, bin)).map((d) => d.id));
  let sees = true;
  const next = async (job: () => Job, signal: AbortSignal): Promise<Arrival> => {
    while (!signal.aborted) {
      const fresh = (await newest(api, bin)).filter((d) => !seen.has(d.id)).reverse();
      for (const { id } of fresh) seen.add(id);
      const found = fresh.find((d) => d.runId === job().runId) ?? fresh.find((d) => d.runId === null);
      if (found) {
        const whole = arrivalOf(await api.get(`/inbox/${found.id}`, DeliveryView));
        if (whole) return whole;
        sees = false; // from here on the agent is asked
        return never();
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined); // aborted: the loop sees it
    }
    return never();
  };
  return {
    webhookUrl,
    place: `${base}/inbox/${bin}`,
    get sees() {
      return sees;
    },
    next,
    close: async () => undefined,
  };
}

async function newest(api: ApiClient, bin: string): Promise<DeliverySummaryView[]> {
  const items: DeliverySummaryView[] = [];
  try {
    for await (const item of api.items('/inbox', DeliverySummaryView, { bin }, PAGE)) items.push(item);
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.problem.code !== 'unauthorized') throw error;
    throw new CliError(error.message, {
      cause: error,
      lines: [`Set REVEILLE_URL to ${api.url} and REVEILLE_API_KEY to a key of it.`],
    });
  }
  return items;
}

/** Undefined where the inbox kept only the beginning of it. */
function arrivalOf({ body, bodyState, signature }: DeliveryView): Arrival | undefined {
  if (bodyState === 'cut') return undefined;
  const verdict: SignatureVerdict =
    signature.kind === 'invalid'
      ? { kind: 'invalid', reason: signature.reason ?? '' }
      : { kind: signature.kind };
  return { value: parse(body), signature: verdict, via: 'webhook' };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // documented: no JSON
  }
}
