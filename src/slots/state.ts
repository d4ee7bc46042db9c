/**
 * What the controller must know after a crash, in one small file that is replaced as a whole.
 * Writing `live` is the moment a swap happened; what is on disk besides is made to fit it.
 */
import { existsSync, readFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
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

const State = z.object({
  version: z.literal(1),
  live: Slot.nullable(),
  previous: Slot.nullable(),
  last_deploy_time: z.string(),
  intent: Intent.nullable(),
  processes: z.array(Running),
  consecutive_failures: z.number().int(),
  /** Webhook deliveries that were taken, newest last. */
  deliveries: z.array(z.string()).default([]),
  /** What the last reconciliation found, by kind: told once, until it is gone. */
  findings: z.array(z.string()).default([]),
  /** The newest commit of main that a webhook or reconciliation tried: it is not tried again. */
  main_tried: z.string().default(''),
});
export type State = z.infer<typeof State>;

const EMPTY: State = {
  version: 1,
  live: null,
  previous: null,
  last_deploy_time: '',
  intent: null,
  processes: [],
  consecutive_failures: 0,
  deliveries: [],
  findings: [],
  main_tried: '',
};

export class StateFile {
  private readonly file: string;
  private current: State;
  private tail: Promise<void> = Promise.resolve();

  /** @throws SlotsError when the file is there and is no state of ours */
  constructor(folder: string) {
    this.file = join(folder, 'state.json');
    this.current = existsSync(this.file) ? readState(this.file) : EMPTY;
  }

  get now(): Readonly<State> {
    return this.current;
  }

  /** Changes the state; resolves when the change survives a crash of the machine. */
  set(change: Partial<State>): Promise<void> {
    this.current = { ...this.current, ...change };
    const text = `${JSON.stringify(this.current, null, 2)}\n`;
    const written = this.tail.then(() => replaceFile(this.file, text));
    this.tail = written.catch(() => undefined); // The error is the caller's.
    return written;
  }
}

function readState(file: string): State {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new SlotsError(`${file} cannot be read; move it away to start without any slot.`, { cause });
  }
  const read = State.safeParse(data);
  if (read.success) return read.data;
  throw new SlotsError(`${file} is no state of this version; move it away to start without any slot.`, {
    cause: read.error,
  });
}

async function replaceFile(file: string, text: string): Promise<void> {
  const next = `${file}.next`;
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
