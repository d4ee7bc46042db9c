/** The record of what was deployed: JSON lines, only ever appended to, each hashed over the one before. */
import { existsSync, readFileSync, renameSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson } from '../domain/canonical-json';
import { chainHash, GENESIS, verifyChain } from '../domain/ledger';
import type { Finding } from './gate';

export interface DeployRecord {
  at: string;
  kind: 'deploy' | 'rollback' | 'recovery' | 'reconcile';
  outcome: 'promoted' | 'refused' | 'failed' | 'interrupted' | 'restored' | 'found' | 'resolved';
  commit: string;
  previous_commit: string;
  slot: string;
  branch?: string;
  /** agent, webhook, manual, reconcile. */
  trigger: string;
  /** Where it ended, unless it was promoted. */
  stage?: string;
  error?: string;
  gate?: readonly Finding[];
  /** `healthy`, or what was wrong; absent where it was not asked. */
  health?: string;
  /** Milliseconds of each stage, and of the flip itself. */
  timings?: Record<string, number>;
}

interface Line {
  seq: number;
  entry: DeployRecord;
  hash: string;
}

/** Records kept in memory for the status; the file has all. */
const RECENT = 20;

export class DeployLog {
  readonly file: string;
  /** Set when the file was not whole at start: where, and where it was put aside. */
  readonly broken: string | undefined;
  private seq = 0;
  private hash = GENESIS;
  private latest: Line[] = [];
  private tail: Promise<void> = Promise.resolve();

  /** Reads what is there. A half line at the end, of a crash, is cut off; a broken chain is put aside. */
  constructor(folder: string) {
    this.file = join(folder, 'deploys.jsonl');
    if (!existsSync(this.file)) return;
    const lines = readLines(this.file);
    const verdict = lines && verifyChain(lines.map((l) => ({ ...l, body: canonicalJson(l.entry) })));
    if (!lines || !verdict?.ok) {
      const aside = `${this.file}.broken-${Date.now()}`;
      renameSync(this.file, aside);
      this.broken = `${verdict && !verdict.ok ? verdict.reason : 'a line is not JSON'}; it is kept as ${aside}`;
      return;
    }
    this.seq = lines.length;
    this.hash = lines.at(-1)?.hash ?? GENESIS;
    this.latest = lines.slice(-RECENT);
  }

  /** The last records, newest first. */
  recent(): DeployRecord[] {
    return this.latest.map((line) => line.entry).reverse();
  }

  /** Resolves when the record is on disk. */
  append(entry: DeployRecord): Promise<void> {
    this.seq += 1;
    this.hash = chainHash(this.hash, canonicalJson(entry));
    const line: Line = { seq: this.seq, entry, hash: this.hash };
    this.latest = [...this.latest, line].slice(-RECENT);
    const written = this.tail.then(() => appendLine(this.file, JSON.stringify(line)));
    this.tail = written.catch(() => undefined); // The error is the caller's.
    return written;
  }
}

function readLines(file: string): Line[] | undefined {
  const text = readFileSync(file, 'utf8');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
  try {
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Line);
  } catch {
    return undefined; // The caller puts the file aside and tells it.
  }
}

async function appendLine(file: string, line: string): Promise<void> {
  const handle = await open(file, 'a', 0o600);
  try {
    await handle.write(`${line}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
