/** Sends a delivery on, from this machine: the orchestrator never calls an address somebody names. */
import type { DeliveryView } from '../../http/views/delivery';
import { reasonOf } from '../client';
import { CliError, EXIT } from '../exit';
import { httpUrl } from '../options';
import { cut, print, printable, printJson } from '../output';

const DEADLINE_MS = 30_000;
const MAX_QUOTE = 300;
/** What belongs to the delivery itself. Everything else is the connection's, or was a credential. */
const HEADERS = ['content-type', 'webhook-id', 'webhook-timestamp', 'webhook-signature', 'traceparent'];
/** A receiver by Standard Webhooks takes no older signature. */
const SIGNATURE_SECONDS = 300;

/** Answers the exit code. @throws CliError when it cannot be sent */
export async function sendElsewhere(delivery: DeliveryView, to: string, json: boolean): Promise<number> {
  if (delivery.bodyState === 'cut' || delivery.bodyState === 'unread') {
    throw new CliError(
      `The body of this delivery is not kept whole (${delivery.bodyState}), so it cannot be sent.`,
    );
  }
  const url = httpUrl(to);
  const body = Buffer.from(delivery.body, delivery.bodyEncoding);
  const headers = Object.fromEntries(
    HEADERS.flatMap((h) => (delivery.headers[h] ? [[h, delivery.headers[h]]] : [])),
  );
  const hasBody = body.length > 0;
  const answer = await fetch(url, {
    method: hasBody ? 'POST' : delivery.method,
    headers,
    ...(hasBody && { body }),
    redirect: 'manual',
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).catch((cause: unknown) => {
    throw new CliError(`It could not be sent to ${new URL(url).host}: ${reasonOf(cause)}.`, { cause });
  });
  const text = cut(printable(await answer.text()), MAX_QUOTE);
  if (json) printJson({ status: answer.status, body: text });
  else {
    for (const note of notes(delivery)) process.stderr.write(`${note}\n`);
    print(`HTTP ${answer.status}${text === '' ? '' : ` ${text}`}`);
  }
  return answer.ok ? EXIT.ok : EXIT.failed;
}

function notes({ bodyState, headers }: DeliveryView): string[] {
  const age = Math.round(Date.now() / 1_000 - Number(headers['webhook-timestamp'] ?? NaN));
  return [
    ...(bodyState === 'redacted'
      ? ['A secret was taken out of the body, so its signature no longer holds.']
      : []),
    ...(age > SIGNATURE_SECONDS ? [`Its signature is ${age} s old; a receiver may refuse that.`] : []),
  ];
}
