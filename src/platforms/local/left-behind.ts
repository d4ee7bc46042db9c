/** What lets the next start find, and end, what a killed platform left running: and only that. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { endGroup, groupsMarked, startTimeOf } from './processes';

/** Set for every capsule's process to the state directory's id, and inherited by all it starts. */
const MARK = 'REVEILLE_LOCAL_PLATFORM';
const GRACE_MS = 2_000;

const Identity = z.object({ pid: z.number().int().positive(), startTime: z.string().min(1) });

/** The state directory's record of this platform and of the process groups it started. */
export class LeftBehind {
  private readonly pidDir: string;
  private readonly ownerFile: string;
  private mark = '';
  private owned = false;

  constructor(private readonly stateDir: string) {
    this.pidDir = join(stateDir, 'pids');
    this.ownerFile = join(stateDir, 'platform.pid');
  }

  /** The variables every capsule's process must be started with. */
  get marks(): Record<string, string> {
    return { [MARK]: this.mark };
  }

  /**
   * Takes the state directory for this process and ends what an earlier one left behind.
   * @throws Error when a living process owns the directory
   */
  async takeOver(): Promise<number> {
    mkdirSync(this.pidDir, { recursive: true });
    const owner = readIdentity(this.ownerFile);
    if (owner && isSame(owner)) {
      throw new Error(
        `A local platform (pid ${owner.pid}) already runs on ${this.stateDir}; stop it or use another directory.`,
      );
    }
    writeIdentity(this.ownerFile, process.pid);
    this.owned = true;
    this.mark = this.readOrMakeMark();
    const files = readdirSync(this.pidDir).map((name) => join(this.pidDir, name));
    const known = files.map(readIdentity).filter((id) => id !== undefined && isSame(id));
    // The mark finds groups whose leader is gone, and one started just before the kill.
    const groups = new Set([...known.map((id) => id!.pid), ...groupsMarked(MARK, this.mark)]);
    await Promise.all([...groups].map((group) => endGroup(group, GRACE_MS)));
    for (const file of files) rmSync(file, { force: true });
    return groups.size;
  }

  /** Records a process group just started, before anything else can happen to this process. */
  started(capsuleId: string, pid: number): void {
    writeIdentity(join(this.pidDir, capsuleId), pid);
  }

  ended(capsuleId: string): void {
    rmSync(join(this.pidDir, capsuleId), { force: true });
  }

  /** Gives the state directory back, if it was taken. */
  release(): void {
    if (this.owned) rmSync(this.ownerFile, { force: true });
  }

  private readOrMakeMark(): string {
    const file = join(this.stateDir, 'id');
    const kept = readIfThere(file)?.trim();
    if (kept) return kept;
    const made = randomUUID();
    writeFileSync(file, made);
    return made;
  }
}

type Identity = z.infer<typeof Identity>;

function isSame(identity: Identity): boolean {
  return startTimeOf(identity.pid) === identity.startTime;
}

function writeIdentity(file: string, pid: number): void {
  const startTime = startTimeOf(pid);
  if (startTime !== undefined) writeFileSync(file, JSON.stringify({ pid, startTime }));
}

/** Undefined when absent, or cut short by the kill: such a process is found by its mark. */
function readIdentity(file: string): Identity | undefined {
  const text = readIfThere(file);
  if (text === undefined) return undefined;
  try {
    return Identity.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
