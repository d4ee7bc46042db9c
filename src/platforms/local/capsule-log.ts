import { appendFileSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** A log file is moved aside at this size, over the one moved before: at most twice this on disk. */
const MAX_FILE_BYTES = 1024 * 1024;
const MAX_TAIL_LINES = 200;
/** Longer lines are cut, so that output without line breaks cannot grow a buffer. */
const MAX_LINE_CHARS = 4096;

/** What a capsule printed: all of it in a bounded file, the last lines in memory. */
export class CapsuleLog {
  private readonly lines: string[] = [];
  private readonly file: string;
  private size: number;

  constructor(stateDir: string, capsuleId: string) {
    const folder = join(stateDir, 'logs');
    mkdirSync(folder, { recursive: true });
    this.file = join(folder, `${capsuleId}.log`);
    this.size = statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Collects a stream line by line until it ends. */
  collect(stream: Readable): void {
    let rest = '';
    stream.setEncoding('utf8');
    stream.on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n');
      rest = (parts.pop() ?? '').slice(0, MAX_LINE_CHARS);
      for (const part of parts) this.add(part);
    });
    stream.on('end', () => rest && this.add(rest));
    // A pipe that breaks with its process ends the same way.
    stream.on('error', () => stream.destroy());
  }

  add(text: string): void {
    const line = text.slice(0, MAX_LINE_CHARS);
    this.lines.push(line);
    if (this.lines.length > MAX_TAIL_LINES) this.lines.shift();
    const bytes = Buffer.byteLength(line) + 1;
    if (this.size + bytes > MAX_FILE_BYTES) {
      renameSync(this.file, `${this.file}.1`);
      this.size = 0;
    }
    appendFileSync(this.file, `${line}\n`);
    this.size += bytes;
  }

  /** The last lines, oldest first. */
  tail(count = MAX_TAIL_LINES): string[] {
    return count > 0 ? this.lines.slice(-count) : [];
  }
}
