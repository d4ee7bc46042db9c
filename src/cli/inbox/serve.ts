/** `reveille inbox serve`: an inbox on this machine that prints what comes. */
import { deliverySummary } from '../../http/views/delivery';
import type { Delivery } from '../../store/deliveries';
import { startLocalInbox, type LocalInbox } from '../local-inbox';
import { print, printable, printJson } from '../output';
import { aborted } from '../signals';
import { paintFor, type Paint } from '../terminal';
import { bytes, clock, SHORT_ID, verdictLines } from './text';

/** Listens until it is interrupted. */
export async function serve(
  { port, host, json }: { port: number; host: string; json: boolean },
  signal: AbortSignal,
): Promise<void> {
  const paint = paintFor(process.stdout, process.env);
  const inbox = await startLocalInbox({ host, port, keys: keysOf(process.env['AGENT_SECRET']) });
  try {
    if (json) inbox.events.on('delivery', (delivery) => printJson(deliverySummary(delivery)));
    else {
      print(`Inbox at ${paint.bold(inbox.url)}; every path takes deliveries.`);
      print(paint.dim(`reveille inbox --url ${inbox.url} lists them, Ctrl-C ends it and forgets them.\n`));
      printDeliveries(inbox, paint);
    }
    await aborted(signal);
  } finally {
    await inbox.close();
  }
}

/** Prints each delivery to a local inbox as it comes. */
export function printDeliveries(inbox: LocalInbox, paint: Paint, prefix = ''): void {
  inbox.events.on('delivery', (delivery) => {
    for (const line of linesOf(delivery, paint)) print(`${prefix}${line}`);
  });
}

function linesOf(delivery: Delivery, paint: Paint): string[] {
  const view = deliverySummary(delivery);
  const { method, path, status, stepId } = view;
  const about = [status && paint.status(status)(printable(status)), stepId && printable(`step ${stepId}`)]
    .filter(Boolean)
    .join(', ');
  const head = `${paint.dim(clock(view.receivedAt))}  ${paint.bold(`${method} ${printable(path)}`)}  ${about}`;
  return [
    `${head.trimEnd()}  ${paint.dim(`${bytes(view.bodyBytes)}, ${view.id.slice(0, SHORT_ID)}`)}`,
    ...verdictLines(view, paint).map((line) => `          ${line}`),
  ];
}

/** One secret, or two while one replaces the other, as the orchestrator takes them. */
export const keysOf = (secret: string | undefined): string[] =>
  (secret ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
