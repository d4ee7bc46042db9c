/** One controller for one data directory: a second would end the first one's apps as orphans. */
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startTimeOf } from '../os/process-groups';
import { codeOf, SlotsError } from './errors';

const TRIES = 3;

/** @returns what gives the lock back. @throws SlotsError when a living controller has it */
export function lock(folder: string): () => void {
  const file = join(folder, 'controller.lock');
  const own = `${file}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startTimeOf(process.pid) ?? '' }), {
    mode: 0o600,
  });
  try {
    for (let tries = 0; tries < TRIES; tries += 1) {
      try {
        linkSync(own, file); // Fails where the name is taken; the file is whole from its first moment.
        return () => rmSync(file, { force: true });
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        const holder = holderOf(file);
        if (holder !== undefined) {
          throw new SlotsError(
            `The controller ${holder} already runs on ${folder}; end it, or name another --data.`,
          );
        }
        rmSync(file, { force: true });
      }
    }
    throw new SlotsError(`${file} is taken again and again; is another controller being started?`);
  } finally {
    rmSync(own, { force: true });
  }
}

/** The living process that has the lock. */
function holderOf(file: string): number | undefined {
  try {
    const { pid, started } = JSON.parse(readFileSync(file, 'utf8')) as { pid?: unknown; started?: unknown };
    return typeof pid === 'number' && startTimeOf(pid) === started ? pid : undefined;
  } catch {
    return undefined; // Given back since, or not ours: nobody living is named there.
  }
}
