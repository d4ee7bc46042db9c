/** Tells changes of an agent's sources, once they have settled, and not those that the agent itself makes. */
import { once } from 'node:events';
import { relative } from 'node:path';
import { isIgnored } from './project';

/** Editors write a file in several steps, and tools several files. */
const SETTLE_MS = 150;
/** A file that changes so soon after a start, time and again, is written by the agent at its start. */
const OWN_WRITE_MS = 3_000;
const OWN_WRITES = 3;
/** No agent writes its own code, and people save often. */
const CODE = /\.([cm]?[jt]sx?|py|rb|go|rs|java|kt|php|exs?|sh)$|(^|\/)(\.env|Procfile)$/;

export interface ChangesOptions {
  folder: string;
  /** When the agent was started last, `performance.now()`. */
  startedAt: () => number | undefined;
  onChange: (path: string) => void;
  /** The agent writes this file at each start: from now on it is not looked at. */
  onOwnFile: (path: string) => void;
}

/** Watches until it is closed. */
export async function watchChanges(options: ChangesOptions): Promise<{ close: () => Promise<void> }> {
  const { folder, onChange } = options;
  // An ES module: loaded as such, and only where it is wanted.
  const { watch } = await import('chokidar');
  const watcher = watch(folder, { ignored: (path) => isIgnored(folder, path), ignoreInitial: true });
  const own = new OwnWrites(options);
  let timer: NodeJS.Timeout | undefined;
  let first: string | undefined;
  watcher.on('all', (_event, path) => {
    const changed = relative(folder, path);
    if (own.isOne(changed)) return;
    first ??= changed;
    clearTimeout(timer);
    timer = setTimeout(() => {
      onChange(first ?? '');
      first = undefined;
    }, SETTLE_MS);
  });
  await once(watcher, 'ready');
  return {
    close: async () => {
      clearTimeout(timer);
      await watcher.close();
    },
  };
}

/** Without it, an agent that writes a file where it lives would be restarted for ever. */
class OwnWrites {
  /** By file: starts in a row that it changed right after. */
  private readonly suspicions = new Map<string, { count: number; start: number }>();
  private readonly known = new Set<string>();

  constructor(private readonly options: Pick<ChangesOptions, 'startedAt' | 'onOwnFile'>) {}

  isOne(file: string): boolean {
    if (CODE.test(file)) return false;
    if (this.known.has(file)) return true;
    const start = this.options.startedAt();
    if (start === undefined || performance.now() - start > OWN_WRITE_MS) {
      this.suspicions.delete(file);
      return false;
    }
    const before = this.suspicions.get(file);
    if (before?.start === start) return false;
    const count = (before?.count ?? 0) + 1;
    this.suspicions.set(file, { count, start });
    if (count < OWN_WRITES) return false;
    this.known.add(file);
    this.options.onOwnFile(file);
    return true;
  }
}
