import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { compareCheckpoints, readPublicKey, vouch, type Checkpoint } from '../../domain/ledger/checkpoint';
import { BEGINNING, ChainVerifier, type ChainPlace, type Finding } from '../../domain/ledger/verify';
import { readLine } from '../../engine/audit/export';
import { AuditVerdictView } from '../../http/views/audit';
import { apiOf, type ApiOptions } from '../client';
import { CliError, EXIT, UsageError } from '../exit';
import { counted, print, printJson } from '../output';

interface VerifyOptions extends ApiOptions {
  checkpoints?: string;
  publicKey?: string[];
  fromExport?: string;
}

interface Verdict {
  entries: number;
  to: ChainPlace;
  findings: Finding[];
  hashes: Map<number, string>;
}

/** Numbers whose hashes one call of the API answers. */
const PER_CALL = 100;
/** Calls at most: each reads for ten seconds, or up to the next hundred checkpoints. */
const MAX_CALLS = 100_000;
/** Lines handed to the verifier at a time. */
const BATCH = 2_000;

const CheckpointLine = z.object({
  seq: z.number().int().positive(),
  hash: z.string(),
  at: z.number(),
  keyId: z.string(),
  signature: z.string(),
});

export async function verify(options: VerifyOptions): Promise<void> {
  const { fromExport, json } = options;
  const signed = await checkpointsOf(options);
  const wanted = signed.good.map(({ seq }) => seq);
  const chain =
    fromExport === undefined ? await overApi(options, wanted) : await overFile(fromExport, wanted);
  // A chain that is broken already has its findings: checkpoints behind the break would repeat them.
  const compared = chain.findings.length > 0 ? [] : compareCheckpoints(signed.good, chain.hashes, chain.to);
  const findings = [...chain.findings, ...compared, ...signed.findings];
  const { entries, to } = chain;
  const ok = findings.length === 0;
  if (json) printJson({ ok, entries, to, checkpoints: signed.good.length, findings });
  else tell(entries, to, signed.good.length, findings);
  if (!ok) process.exitCode = EXIT.failed;
}

function tell(entries: number, to: ChainPlace, checkpoints: number, findings: readonly Finding[]): void {
  for (const { kind, reason } of findings) print(`${kind.padEnd(10)}  ${reason}`);
  const read = `${counted(entries, 'entry', 'entries')} read, up to ${to.seq} (${to.hash})`;
  if (findings.length > 0) return print(`${read}: the ledger is NOT what was written`);
  print(`${read}: the chain is whole`);
  print(
    checkpoints > 0
      ? `${checkpoints} signed checkpoints agree with it`
      : 'no checkpoints were compared: a chain that was computed anew as a whole would look the same',
  );
}

async function checkpointsOf({ checkpoints: file, publicKey = [] }: VerifyOptions) {
  if (file === undefined) return { good: [], findings: [] };
  if (publicKey.length === 0)
    throw new UsageError('Name the key that signed the checkpoints: --public-key <file>');
  const keys: KeyObject[] = [];
  for (const path of publicKey) {
    const key = readPublicKey(await textOf(path));
    if (!key)
      throw new CliError(`${path} is no Ed25519 public key.`, {
        lines: ['It begins with -----BEGIN PUBLIC KEY-----'],
      });
    keys.push(key);
  }
  const lines = (await textOf(file)).split('\n').filter((line) => line.trim() !== '');
  return vouch(
    lines.map((line, n) => checkpointOf(line, `${file}:${n + 1}`)),
    keys,
  );
}

function checkpointOf(line: string, place: string): Checkpoint {
  try {
    return CheckpointLine.parse(JSON.parse(line));
  } catch (cause) {
    throw new CliError(`${place} is no checkpoint.`, { cause });
  }
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError(`${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
}

/** Stretch by stretch, each from where the last one ended. */
async function overApi(options: ApiOptions, wanted: readonly number[]): Promise<Verdict> {
  const api = apiOf(options);
  const verdict: Verdict = { entries: 0, to: BEGINNING, findings: [], hashes: new Map() };
  const left = [...new Set(wanted)];
  for (let calls = 0; calls < MAX_CALLS; calls += 1) {
    const due = left.filter((seq) => seq > verdict.to.seq).slice(0, PER_CALL);
    const isLast = due.length < PER_CALL;
    const query = {
      ...(verdict.to.seq > 0 && { after: verdict.to.seq, hash: verdict.to.hash }),
      ...(due.length > 0 && { hashesOf: due.join(',') }),
      ...(!isLast && { to: due.at(-1) }),
    };
    const stretch = await api.get('/audit/verify', AuditVerdictView, { query });
    const moved = stretch.to.seq > verdict.to.seq;
    verdict.entries += stretch.entries;
    verdict.findings.push(...stretch.findings);
    verdict.to = stretch.to;
    for (const { seq, hash } of stretch.hashes) verdict.hashes.set(seq, hash);
    if (verdict.findings.length > 0 || (stretch.complete && isLast) || !moved) return verdict;
  }
  throw new CliError(`The ledger was not read to its end with ${MAX_CALLS} calls.`);
}

async function overFile(path: string, wanted: readonly number[]): Promise<Verdict> {
  const verifier = new ChainVerifier(BEGINNING, wanted);
  let number = 0;
  let batch: NonNullable<ReturnType<typeof readLine>>[] = [];
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      number += 1;
      const row = readLine(line);
      if (!row)
        throw new CliError(`${path}:${number} is no line of an export.`, {
          lines: ['Export anew: reveille audit export'],
        });
      batch.push(row);
      if (batch.length < BATCH) continue;
      verifier.add(batch);
      batch = [];
    }
  } catch (cause) {
    if (cause instanceof CliError) throw cause;
    throw new CliError(`${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  verifier.add(batch);
  verifier.finish();
  return { entries: verifier.entries, to: verifier.at, findings: verifier.findings, hashes: verifier.hashes };
}
