/** Why a delivery's signature does not hold. */
import { signatureFault, signatureHeaders } from '../standard-webhooks';
import type { Delivery } from './receiver';

/** How the signature is made, in one line. */
const HOW =
  'webhook-signature is "v1," + base64(HMAC-SHA256(secret, `${webhook-id}.${webhook-timestamp}.${body}`)); a whsec_ secret is base64, any other stands for its own bytes.';

/** Undefined when it holds. */
export function signatureProblem(
  delivery: Delivery,
  secret: string,
): { saw: string; mend: string } | undefined {
  const headers = signatureHeaders(delivery.headers);
  if (!headers)
    return {
      saw: 'no webhook-id, webhook-timestamp and webhook-signature',
      mend: `Start the agent with the same secret (AGENT_SECRET), and sign each result: ${HOW}`,
    };
  const faultOf = (body: Buffer, time: number) => signatureFault(headers, body, [secret], time);
  const saw = faultOf(delivery.raw, delivery.time);
  if (saw === undefined) return undefined;
  if (faultOf(delivery.raw, Number(headers.timestamp) * 1_000) === undefined)
    return {
      saw,
      mend: 'Put the time of sending into webhook-timestamp, in whole seconds since 1970, from a clock that is right within 5 minutes.',
    };
  const rewritten = [JSON.stringify(delivery.body), JSON.stringify(delivery.body, null, 1)];
  if (rewritten.some((text) => text !== undefined && faultOf(Buffer.from(text), delivery.time) === undefined))
    return {
      saw: 'a signature of the same JSON in other bytes',
      mend: 'Serialise the result once, sign these bytes, and send these bytes.',
    };
  return { saw, mend: HOW };
}
