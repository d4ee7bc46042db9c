import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { generateCheckpointKeys } from '../../domain/ledger/checkpoint';
import { CliError } from '../exit';
import { print } from '../output';

/** Two new files; one that is there is never overwritten: what it signed could not be verified any more. */
export async function keygen({ out }: { out: string }): Promise<void> {
  const { keyId, privateKey, publicKey } = generateCheckpointKeys();
  const [secret, open] = [join(out, `audit-${keyId}.private.pem`), join(out, `audit-${keyId}.public.pem`)];
  await write(secret, privateKey, 0o600);
  await write(open, publicKey, 0o644);
  print(`key ${keyId}`);
  print(`  ${secret}  signs: AUDIT_CHECKPOINT_KEY="$(base64 < ${secret} | tr -d '\\n')"`);
  print(`  ${open}  verifies: reveille audit verify --checkpoints <file> --public-key ${open}`);
  print('Keep the public key where nobody who can write the database can change it, and keep old ones.');
}

async function write(path: string, text: string, mode: number): Promise<void> {
  try {
    await writeFile(path, text, { mode, flag: 'wx' });
  } catch (cause) {
    throw new CliError(`${path} cannot be written: ${(cause as Error).message}.`, { cause });
  }
}
