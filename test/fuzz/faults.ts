/** What is wrong with an answer, and with what is left behind. */
import { ROUTES } from '../../src/http/routes';
import type { FuzzRequest } from './requests';
import type { FuzzAnswer } from './sender';
import { ROOT, SECRETS, type World } from './world';

export type Who = 'strangers' | 'members';

/** Of these answers a new secret is the point. */
const SHOWS_SECRETS = ['createKey', 'rotateKey'];
const MANY = 100_000;

const routeOf = new Map(ROUTES.map((route) => [route.operationId, route]));

export function faultsOf({ made }: World, who: Who, request: FuzzRequest, answer: FuzzAnswer): string[] {
  const { status, text, type } = answer;
  const faults: string[] = [];
  const route = request.operationId === undefined ? undefined : routeOf.get(request.operationId);
  if (status >= 500) faults.push(`answered ${status}: ${text.slice(0, 300)}`);
  const isOwn =
    route !== undefined && request.method === route.method.toUpperCase() && hasOneAddress(request);
  const isProblem = type.startsWith('application/problem+json');
  if (isOwn && !isProblem && status < 400 && !route.responses[status])
    faults.push(`answered ${status}, which ${route.operationId} does not declare`);
  if (status >= 400 && !isProblem && request.method !== 'HEAD' && text !== '')
    faults.push(`answered ${status} as ${type}`);
  for (const secret of SECRETS) if (text.includes(secret)) faults.push(`answered ${secret.slice(0, 12)}…`);
  const mayShow = SHOWS_SECRETS.includes(request.operationId ?? '');
  for (const secret of mayShow ? [] : made)
    if (text.includes(secret)) faults.push(`answered ${secret.slice(0, 12)}…`);
  const isShut = route !== undefined && route.access !== 'open' && route.access !== 'inbox';
  if (who === 'strangers' && isShut && isOwn && status < 400)
    faults.push(`a stranger was answered ${status}`);
  return faults;
}

/** A hostile path may lead to another route than the one it was made for. */
const hasOneAddress = ({ path }: FuzzRequest): boolean =>
  /^[\w/.:-]*$/.test(path.split('?')[0] ?? '') && !path.includes('..') && !path.includes('//');

/** What of the secrets is in the log, the ledger, alerts, messages or metrics. */
export async function leaks({ api, made }: World): Promise<string[]> {
  const metrics = await api.call('GET', '/metrics', { headers: { authorization: `Bearer ${ROOT}` } });
  const places = {
    log: api.logged(),
    ledger: JSON.stringify(await api.store.ledger(0, MANY)),
    alerts: JSON.stringify(await api.store.alerts({}, 1_000)),
    memos: JSON.stringify(await api.store.memos({}, 1_000)),
    inbox: JSON.stringify(await api.store.deliveries({}, 1_000)),
    metrics: metrics.text,
  };
  return Object.entries(places).flatMap(([place, text]) =>
    [...SECRETS, ...made]
      .filter((secret) => text.includes(secret))
      .map((s) => `${place} holds ${s.slice(0, 12)}…`),
  );
}

/** Rejections and exceptions that nobody took would have ended the process. */
export function crashesOf(tell: (what: string) => void): { stop: () => void } {
  const onCrash = (reason: unknown) => tell(`crash: ${(reason as Error)?.stack ?? String(reason)}`);
  process.on('unhandledRejection', onCrash);
  process.on('uncaughtException', onCrash);
  return {
    stop: () => {
      process.off('unhandledRejection', onCrash);
      process.off('uncaughtException', onCrash);
    },
  };
}
