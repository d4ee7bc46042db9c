/** Where checkpoints go: a file that is appended to, an object store, a webhook. */
import { open } from 'node:fs/promises';
import type { Secret } from '../../config/secret';
import type { Checkpoint } from '../../domain/ledger/checkpoint';
import type { CheckpointTarget } from './checkpoints';

const CALL_MS = 10_000;

/** One line of JSON each. The line is on disk when it is delivered. */
export const fileTarget = (path: string): CheckpointTarget => ({
  name: 'AUDIT_CHECKPOINT_FILE',
  deliver: async (checkpoint) => {
    const file = await open(path, 'a', 0o644);
    try {
      await file.appendFile(`${JSON.stringify(checkpoint)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
  },
});

/** PUT to an object's URL, in which {seq}, {at} and {keyId} are replaced. */
export const objectTarget = (template: Secret): CheckpointTarget => ({
  name: 'AUDIT_CHECKPOINT_URL',
  deliver: (checkpoint) => send('PUT', fillIn(template.reveal(), checkpoint), checkpoint),
});

/** POST, as JSON. */
export const webhookTarget = (url: Secret): CheckpointTarget => ({
  name: 'AUDIT_CHECKPOINT_WEBHOOK',
  deliver: (checkpoint) => send('POST', url.reveal(), checkpoint),
});

function fillIn(template: string, { seq, at, keyId }: Checkpoint): string {
  // Names sort as the numbers do.
  const values: Record<string, string> = { seq: String(seq).padStart(12, '0'), at: String(at), keyId };
  return template.replace(/\{(seq|at|keyId)\}/g, (_, key: string) => values[key] ?? '');
}

/** @throws with a message that says nothing of the address: it may hold a signature or a token */
async function send(method: 'PUT' | 'POST', url: string, checkpoint: Checkpoint): Promise<void> {
  // When it is needed: 5 MB of memory that an orchestrator without such a target does without.
  const { request } = await import('undici');
  const status = await request(url, {
    method,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(checkpoint),
    headersTimeout: CALL_MS,
    bodyTimeout: CALL_MS,
    signal: AbortSignal.timeout(CALL_MS),
  }).then(
    async ({ statusCode, body }) => {
      await body.dump();
      return statusCode;
    },
    (error: { code?: string }) => {
      // No cause: undici's errors may quote the address.
      throw new Error(error.code ?? 'no answer within the time');
    },
  );
  if (status >= 300) throw new Error(`it answered ${status}`);
}
