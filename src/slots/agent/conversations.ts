/**
 * Conversations with the agent, as files: for each run its message, what the agent's process wrote, and
 * its end. The process writes by itself, so that nothing is lost while the controller is away.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import { renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { SlotsError } from '../errors';

const MAX_CONVERSATIONS = 500;
const MAX_RUNS = 200;
const CHUNK_BYTES = 64 * 1024;
/** A longer line of the agent's is told as cut. */
const MAX_LINE_BYTES = 1024 * 1024;
const ID = /^[0-9a-f]{16}$/;

const Meta = z.object({ id: z.string(), title: z.string(), by: z.string(), created_at: z.string() });
export type Conversation = z.infer<typeof Meta>;

const Message = z.object({
  text: z.string(),
  by: z.string(),
  at: z.string(),
  conflicts: z.array(z.string()),
});
export type Message = z.infer<typeof Message>;

const RunEnd = z.object({
  status: z.enum(['done', 'failed', 'cancelled']),
  detail: z.string(),
  commit: z.string().optional(),
  deployed: z.boolean(),
  at: z.string(),
});
export type RunEnd = z.infer<typeof RunEnd>;

/** One thing that happened; `id` counts within the conversation, from 1. */
export interface ConversationEvent {
  id: number;
  type: 'message' | 'agent' | 'end';
  data: unknown;
}

/** Where a reader is; a new one has read nothing. */
export interface Cursor {
  run: number;
  part: 'message' | 'output' | 'end';
  offset: number;
  id: number;
}

export const startOfAll = (): Cursor => ({ run: 1, part: 'message', offset: 0, id: 0 });

export class Conversations {
  private readonly folder: string;

  constructor(data: string) {
    this.folder = join(data, 'agent', 'conversations');
    // The agent may have a user of its own, who has to pass on the way to its home.
    mkdirSync(join(data, 'agent'), { recursive: true, mode: 0o711 });
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
  }

  /** Newest first. */
  list(): Conversation[] {
    const known = readdirSync(this.folder).map((id) => this.find(id));
    return known.filter((c) => c !== undefined).sort((a, b) => b.created_at.localeCompare(a.created_at));
  }

  find(id: string): Conversation | undefined {
    return ID.test(id) ? read(Meta, join(this.folder, id, 'conversation.json')) : undefined;
  }

  /** @throws SlotsError at the limit */
  create(title: string, by: string): Conversation {
    if (readdirSync(this.folder).length >= MAX_CONVERSATIONS)
      throw new SlotsError(
        `There are ${MAX_CONVERSATIONS} conversations; remove old ones from ${this.folder}.`,
      );
    const made = { id: randomBytes(8).toString('hex'), title, by, created_at: new Date().toISOString() };
    mkdirSync(join(this.folder, made.id), { mode: 0o700 });
    replace(join(this.folder, made.id, 'conversation.json'), made);
    return made;
  }

  /** Begins the next run with a message. @throws SlotsError at the limit @returns its number, from 1 */
  begin(id: string, message: Message): number {
    const run = this.runs(id) + 1;
    if (run > MAX_RUNS)
      throw new SlotsError(`A conversation has at most ${MAX_RUNS} messages; begin a new one.`);
    writeFileSync(this.file(id, run, 'out.jsonl'), '', { mode: 0o600 });
    replace(this.file(id, run, 'message.json'), message);
    return run;
  }

  end(id: string, run: number, end: RunEnd): void {
    replace(this.file(id, run, 'end.json'), end);
  }

  endOf(id: string, run: number): RunEnd | undefined {
    return read(RunEnd, this.file(id, run, 'end.json'));
  }

  runs(id: string): number {
    let run = 0;
    while (run < MAX_RUNS && existsSync(this.file(id, run + 1, 'message.json'))) run += 1;
    return run;
  }

  file(id: string, run: number, name: string): string {
    return join(this.folder, id, `${String(run).padStart(3, '0')}.${name}`);
  }

  /** The agent's own name for what it remembers, from its last run that told one. */
  session(id: string): string | undefined {
    for (let run = this.runs(id); run > 0; run -= 1) {
      const text = readFileSync(this.file(id, run, 'out.jsonl'), 'utf8');
      const named = [...text.matchAll(/"session_id":"([\w-]{1,100})"/g)].at(-1)?.[1];
      if (named !== undefined) return named;
    }
    return undefined;
  }

  /** What has happened since the cursor, a limited piece of it; the cursor moves along. Empty: all is read. */
  next(id: string, cursor: Cursor): ConversationEvent[] {
    const events: ConversationEvent[] = [];
    const tell = (type: ConversationEvent['type'], data: unknown) =>
      events.push({ id: (cursor.id += 1), type, data });
    if (cursor.part === 'message') {
      const message = read(Message, this.file(id, cursor.run, 'message.json'));
      if (message === undefined) return [];
      tell('message', message);
      Object.assign(cursor, { part: 'output', offset: 0 });
    }
    // Looked for first: what was written before the end is then read before it is told.
    const end = this.endOf(id, cursor.run);
    for (const line of this.lines(id, cursor, end !== undefined)) tell('agent', line);
    if (end !== undefined && events.length === 0) {
      tell('end', end);
      Object.assign(cursor, { run: cursor.run + 1, part: 'message', offset: 0 });
    }
    return events;
  }

  private lines(id: string, cursor: Cursor, ended: boolean): unknown[] {
    const chunk = readFrom(this.file(id, cursor.run, 'out.jsonl'), cursor.offset, CHUNK_BYTES);
    let last = chunk.lastIndexOf(0x0a);
    if (last === -1 && chunk.length === CHUNK_BYTES) return this.longLine(id, cursor);
    if (last === -1 && ended) last = chunk.length - 1; // The last line has no end of its own.
    cursor.offset += last + 1;
    return chunk
      .subarray(0, last + 1)
      .toString('utf8')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(parsed);
  }

  private longLine(id: string, cursor: Cursor): unknown[] {
    const chunk = readFrom(this.file(id, cursor.run, 'out.jsonl'), cursor.offset, MAX_LINE_BYTES);
    const end = chunk.indexOf(0x0a);
    if (end === -1 && chunk.length < MAX_LINE_BYTES) return []; // It is still being written.
    cursor.offset += end === -1 ? chunk.length : end + 1;
    return [
      end === -1
        ? { type: 'text', text: 'A line of more than 1 MB is left out.' }
        : parsed(chunk.subarray(0, end).toString('utf8')),
    ];
  }
}

/** What is no JSON is told as text. */
function parsed(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return { type: 'text', text: line };
  }
}

function readFrom(file: string, offset: number, max: number): Buffer {
  const handle = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.max(0, Math.min(max, statSync(file).size - offset)));
    return buffer.subarray(0, readSync(handle, buffer, 0, buffer.length, offset));
  } finally {
    closeSync(handle);
  }
}

function read<T>(schema: z.ZodType<T>, file: string): T | undefined {
  if (!existsSync(file)) return undefined;
  const result = schema.safeParse(parsed(readFileSync(file, 'utf8')));
  return result.success ? result.data : undefined;
}

function replace(file: string, value: unknown): void {
  writeFileSync(`${file}.next`, JSON.stringify(value), { mode: 0o600 });
  renameSync(`${file}.next`, file);
}
