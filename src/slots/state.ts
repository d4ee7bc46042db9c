/**
 * What the controller must know after a crash, in two small files that are replaced as a whole. `state.json`
 * survives a crash of the machine; writing `live` is the moment a swap happened, and what is on disk besides is
 * made to fit it. `running.json` changes at each stage and tells of this machine's processes: after a crash of
 * the machine there are none, so that nobody waits until the disk has it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { open, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { SlotsError, STAGES } from './errors';

const Slot = z.object({
  /** Folder below the data directory. */
  name: z.string().regex(/^slot-[0-9a-z]{1,40}$/),
  /** Full hash. */
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  branch: z.string().optional(),
  deployed_at: z.string(),
  /** What setup made beyond the commit. */
  artefacts: z.array(z.string()).default([]),
});
export type Slot = z.infer<typeof Slot>;

const Intent = z.object({
  kind: z.enum(['deploy', 'rollback']),
  stage: z.enum(STAGES),
  commit: z.string(),
  slot: z.string(),
  trigger: z.string(),
  started_at: z.string(),
});
/** What was about to be done; there only while it is being done. */
export type Intent = z.infer<typeof Intent>;

const Running = z.object({ slot: z.string(), pid: z.number().int().positive(), started: z.string() });
/** A process that was started; `started` tells it from a later one with the same pid. */
export type Running = z.infer<typeof Running>;

const Lasting = z.object({
  version: z.literal(1),
  live: Slot.nullable(),
  previous: Slot.nullable(),
  last_deploy_time: z.string(),
  consecutive_failures: z.number().int(),
  /** Webhook deliveries that were taken, newest last. */
  deliveries: z.array(z.string()).default([]),
  /** What the last reconciliation found, by kind: told once, until it is gone. */
  findings: z.array(z.string()).default([]),
  /** The newest commit of main that a webhook or reconciliation tried: it is not tried again. */
  main_tried: z.string().default(''),
});

const Passing = z.object({ intent: Intent.nullable(), processes: z.array(Running) });

export type State = z.infer<typeof Lasting> & z.infer<typeof Passing>;

const EMPTY: z.infer<typeof Lasting> = {
  version: 1,
  live: null,
  previous: null,
  last_deploy_time: '',
  consecutive_failures: 0,
  deliveries: [],
  findings: [],
  main_tried: '',
};
const NOTHING_RUNS: z.infer<typeof Passing> = { intent: null, processes: [] };

export class StateFile {
  private readonly lasting: WholeFile;
  private readonly passing: WholeFile;
  private current: State;

  /** @throws SlotsError when `state.json` is there and is no state of ours */
  constructor(folder: string) {
    const file = join(folder, 'state.json');
    const running = join(folder, 'running.json');
    this.lasting = new WholeFile(file, true);
    this.passing = new WholeFile(running, false);
    const lasting = existsSync(file) ? readState(file) : EMPTY;
    this.current = { ...lasting, ...readRunning(running) };
  }

  get now(): Readonly<State> {
    return this.current;
  }

  /**
   * Changes the state. Resolves when the change survives a crash of the controller, and of the machine too unless
   * it is but of what runs.
   */
  async set(change: Partial<State>): Promise<void> {
    this.current = { ...this.current, ...change };
    const { intent, processes, ...lasting } = this.current;
    const written = [this.lasting.write(lasting), this.passing.write({ intent, processes })];
    // Whatever one of them says, the other is not left behind.
    for (const one of await Promise.allSettled(written)) if (one.status === 'rejected') throw one.reason;
  }
}

/** A file that is replaced as a whole, one version after the other; the same text again is not written. */
class WholeFile {
  private tail: Promise<void> = Promise.resolve();
  private text: string | undefined;

  constructor(
    private readonly file: string,
    private readonly lasts: boolean,
  ) {}

  write(content: unknown): Promise<void> {
    const text = `${JSON.stringify(content, null, 2)}\n`;
    const written = this.tail.then(async () => {
      if (text === this.text) return;
      this.text = undefined; // Until it is done, what the file holds is not known.
      await replaceFile(this.file, text, this.lasts);
      this.text = text;
    });
    this.tail = written.catch(() => undefined); // The error is the caller's.
    return written;
  }
}

function readState(file: string): z.infer<typeof Lasting> {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new SlotsError(`${file} cannot be read; move it away to start without any slot.`, { cause });
  }
  const read = Lasting.safeParse(data);
  if (read.success) return read.data;
  throw new SlotsError(`${file} is no state of this version; move it away to start without any slot.`, {
    cause: read.error,
  });
}

/** What is missing or broken here, a crash of the machine took; processes are known by their mark as well. */
function readRunning(file: string): z.infer<typeof Passing> {
  try {
    return Passing.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return NOTHING_RUNS;
  }
}

async function replaceFile(file: string, text: string, lasts: boolean): Promise<void> {
  const next = `${file}.next`;
  if (!lasts) {
    await writeFile(next, text, { mode: 0o600 });
    return rename(next, file);
  }
  const handle = await open(next, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(next, file);
  const folder = await open(dirname(file), 'r');
  try {
    await folder.sync(); // The rename itself.
  } finally {
    await folder.close();
  }
}
