import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import { apiOf } from '../client';
import { CliError } from '../exit';
import { queryOf, type FilterOptions } from './search';

export interface ExportOptions extends FilterOptions {
  format: string;
  after: number;
  out?: string;
}

/** Streams: a ledger of any length takes the memory of a few lines. */
export async function exportTo(options: ExportOptions): Promise<void> {
  const { format, after, out } = options;
  const body = await apiOf(options).stream('/audit/export', { ...queryOf(options), format, after });
  const source = Readable.fromWeb(body as ReadableStream);
  try {
    if (out === undefined) await pipeline(source, process.stdout, { end: false });
    else await pipeline(source, createWriteStream(out, { flags: 'wx' }));
  } catch (cause) {
    throw new CliError(`The export did not come to its end: ${(cause as Error).message}.`, {
      cause,
      lines: ['Go on behind the last whole line with --after <seq>.'],
    });
  }
}
