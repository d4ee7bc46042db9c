/**
 * Signed checkpoints: what the ledger was at a moment, put where nobody who can write the database
 * can change it. They find what the chain alone cannot: a tail that was cut off together with the
 * record of its end, and a chain that was computed anew.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { canonicalJson } from '../canonical-json';
import type { ChainPlace, Finding } from './verify';

export interface Checkpoint extends ChainPlace {
  /** When it was signed, epoch milliseconds. */
  at: number;
  /** Names the key: the beginning of the hash of its public half. */
  keyId: string;
  /** Ed25519, base64. */
  signature: string;
}

/** Keeps a signature from meaning anything elsewhere. */
const CONTEXT = 'reveille ledger checkpoint 1\n';
const KEY_ID_LENGTH = 16;

const signed = ({ seq, hash, at, keyId }: Omit<Checkpoint, 'signature'>): Buffer =>
  Buffer.from(CONTEXT + canonicalJson({ seq, hash, at, keyId }));

export interface CheckpointSigner {
  readonly keyId: string;
  sign(place: ChainPlace, at: number): Checkpoint;
}

/** Signs with an Ed25519 private key. */
export function checkpointSigner(key: KeyObject): CheckpointSigner {
  const keyId = keyIdOf(createPublicKey(key));
  return {
    keyId,
    sign: ({ seq, hash }, at) => {
      const claims = { seq, hash, at, keyId };
      return { ...claims, signature: sign(null, signed(claims), key).toString('base64') };
    },
  };
}

/** Names a public key. */
export const keyIdOf = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('hex')
    .slice(0, KEY_ID_LENGTH);

/** Reads a private key: PEM, or base64 of PEM or of PKCS #8. Undefined when it is no Ed25519 key. */
export function readPrivateKey(text: string): KeyObject | undefined {
  return readKey(
    text,
    (pem) => createPrivateKey(pem),
    (key) => createPrivateKey({ key, format: 'der', type: 'pkcs8' }),
  );
}

/** Reads a public key: PEM, or base64 of PEM or of SPKI. Undefined when it is no Ed25519 key. */
export function readPublicKey(text: string): KeyObject | undefined {
  // Node would take the public half of a private key as well; whoever passes that made a mistake.
  if (text.includes('PRIVATE KEY')) return undefined;
  return readKey(
    text,
    (pem) => createPublicKey(pem),
    (key) => createPublicKey({ key, format: 'der', type: 'spki' }),
  );
}

function readKey(
  text: string,
  fromPem: (pem: string) => KeyObject,
  fromDer: (der: Buffer) => KeyObject,
): KeyObject | undefined {
  try {
    // Environments without line breaks write them as \n.
    const given = text.trim().replaceAll('\\n', '\n');
    const bytes = Buffer.from(given, 'base64');
    const decoded = given.startsWith('-----') ? given : bytes.toString('latin1');
    const key = decoded.startsWith('-----') ? fromPem(decoded) : fromDer(bytes);
    return key.asymmetricKeyType === 'ed25519' ? key : undefined;
  } catch {
    return undefined;
  }
}

export interface CheckpointKeys {
  keyId: string;
  /** PEM each. */
  privateKey: string;
  publicKey: string;
}

/** A new pair of keys. */
export function generateCheckpointKeys(): CheckpointKeys {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    keyId: keyIdOf(publicKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

export interface Vouched {
  /** Checkpoints whose signatures hold, by number. */
  good: Checkpoint[];
  /** What is wrong with the others. */
  findings: Finding[];
}

/** Sorts out which checkpoints are signed by one of the keys. */
export function vouch(checkpoints: readonly Checkpoint[], keys: readonly KeyObject[]): Vouched {
  const known = new Map(keys.map((key) => [keyIdOf(key), key]));
  const good: Checkpoint[] = [];
  const findings: Finding[] = [];
  const refuse = ({ seq }: Checkpoint, reason: string) =>
    findings.push({ kind: 'checkpoint', seq, lastSeq: seq, reason });
  for (const checkpoint of checkpoints) {
    const { seq, keyId, signature } = checkpoint;
    const key = known.get(keyId);
    if (!key) {
      refuse(
        checkpoint,
        `the checkpoint of entry ${seq} is signed with key ${keyId}, whose public key is not given`,
      );
    } else if (!verify(null, signed(checkpoint), key, Buffer.from(signature, 'base64'))) {
      refuse(checkpoint, `the checkpoint of entry ${seq} is forged: its signature does not hold`);
    } else good.push(checkpoint);
  }
  return { good: good.sort((a, b) => a.seq - b.seq || a.at - b.at), findings };
}

/**
 * Compares signed checkpoints with the chain as it is.
 * @param checkpoints whose signatures hold, by number
 * @param hashes what the chain has at their numbers
 * @param end where the chain ends; undefined where it was not read to its end
 */
export function compareCheckpoints(
  checkpoints: readonly Checkpoint[],
  hashes: ReadonlyMap<number, string>,
  end: ChainPlace | undefined,
): Finding[] {
  const findings: Finding[] = [];
  let agreed = 0;
  for (const { seq, hash } of checkpoints) {
    const found = hashes.get(seq);
    if (found === hash) agreed = seq;
    else if (found !== undefined) {
      const reason = `entry ${seq} is not the one that was signed: something from ${agreed + 1} to ${seq} was rewritten`;
      return [...findings, { kind: 'rewritten', seq: agreed + 1, lastSeq: seq, reason }];
    }
  }
  const last = checkpoints.at(-1);
  if (end && last && last.seq > end.seq) {
    const reason = `entries ${end.seq + 1} to ${last.seq} are missing at the end: a signed checkpoint has seen them`;
    findings.push({ kind: 'cut-off', seq: end.seq + 1, lastSeq: last.seq, reason });
  }
  return findings;
}
