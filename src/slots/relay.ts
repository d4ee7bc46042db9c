/** An answer on its way to the client. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerHeaders } from './proxy-headers';

/**
 * Passes an answer on as it comes. Whichever side breaks takes the other with it: there is no answer left that
 * could say so. A client that goes is the caller's to see, by the end of `outgoing`.
 */
export function relay(answer: IncomingMessage, outgoing: ServerResponse): void {
  outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answerHeaders(answer) as never);
  let begun = false;
  answer.on('data', (chunk: Buffer) => {
    begun = true;
    if (outgoing.write(chunk)) return;
    answer.pause();
    outgoing.once('drain', () => answer.resume());
  });
  answer.once('end', () => {
    begun = true;
    outgoing.end();
  });
  answer.once('error', () => outgoing.destroy());
  answer.once('close', () => void (answer.complete || outgoing.destroy()));
  // Most bodies come along with their head, and leave with it in one piece. Long streams begin with their head
  // alone, long before the first event.
  setImmediate(() => void (begun || outgoing.destroyed || outgoing.flushHeaders()));
}
