/** Posts JSON to the orchestrator until it is answered for good or the deadline has passed. */
import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

const RETRY_MS = { first: 200, longest: 15_000, oneTry: 10_000, deadline: 600_000 };

/** Standard Webhooks headers over the exact body. A `whsec_` secret is base64, any other is taken as it is. */
function signature(id: string, body: string, secret: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : secret;
  const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${mac}` };
}

/**
 * Resolves with an answer that trying again would not change: 2xx, 3xx, and 4xx except 408 and 429.
 * Throws the last failure after the deadline. No message holds the URL, because the URL holds a token.
 */
export async function deliver(url: string, payload: unknown, secret?: string): Promise<Response> {
  const [id, body, startedAt] = [`msg_${randomUUID()}`, JSON.stringify(payload), Date.now()];
  for (let pauseMs = RETRY_MS.first; ; pauseMs = Math.min(pauseMs * 2, RETRY_MS.longest)) {
    const headers = { 'content-type': 'application/json', ...(secret && signature(id, body, secret)) };
    const signal = AbortSignal.timeout(RETRY_MS.oneTry);
    let failure: string;
    try {
      const answer = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' });
      if (answer.status < 500 && answer.status !== 408 && answer.status !== 429) return answer;
      failure = `status ${answer.status}`;
    } catch (error) {
      failure = (error as Error).message;
    }
    if (Date.now() - startedAt + pauseMs > RETRY_MS.deadline)
      throw new Error(`given up, last failure: ${failure}`);
    await sleep(pauseMs * (0.5 + Math.random() / 2));
  }
}
