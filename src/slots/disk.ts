/**
 * The data directory: one worktree per kept slot, `live` and `prev` that point at them, the agent's
 * `slot-staging`, logs, and what slots share. Names are checked, links are never followed out of it.
 */
import { constants } from 'node:fs';
import { cp, lstat, mkdir, readdir, readlink, realpath, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { codeOf, StageError } from './errors';
import type { Git } from './git';
import { isBelow } from './config';
import type { Slot, State } from './state';
import { give, type User } from './users';

export const STAGING = 'slot-staging';
const LINKS = { live: 'live', prev: 'prev' } as const;
/** How much of the hash a slot's name has, and what it grows to where two commits begin alike. */
const NAME_LENGTHS = [8, 12, 16, 24, 40];

export class Disk {
  constructor(
    /** Absolute and real. */
    readonly folder: string,
    private readonly git: Git,
  ) {}

  path(name: string): string {
    return join(this.folder, name);
  }

  logFile(slot: string, kind: 'app' | 'setup' | 'smoke'): string {
    return join(this.folder, 'logs', `${slot}${kind === 'app' ? '' : `.${kind}`}.log`);
  }

  async prepare(): Promise<void> {
    await mkdir(join(this.folder, 'logs'), { recursive: true, mode: 0o700 });
    await mkdir(join(this.folder, 'shared'), { recursive: true });
  }

  /** The name for a commit: its first 8 digits as they were given, more where another commit has them. */
  nameFor(given: string, commit: string, kept: readonly Slot[]): string {
    const own = kept.find((slot) => slot.commit === commit);
    if (own) return own.name;
    const digits = commit.startsWith(given)
      ? given.slice(0, NAME_LENGTHS[0])
      : commit.slice(0, NAME_LENGTHS[0]);
    const names = [digits, ...NAME_LENGTHS.map((n) => commit.slice(0, n))].map((d) => `slot-${d}`);
    const free = names.find((name) => !kept.some((slot) => slot.name === name));
    return free ?? `slot-${commit.slice(0, 40)}`;
  }

  /** A fresh worktree of a commit. What an earlier attempt left there goes first. */
  async checkOut(name: string, commit: string): Promise<void> {
    const folder = this.path(name);
    const there = await lstat(folder).catch(absent);
    if (there?.isSymbolicLink()) {
      throw new StageError('checkout', `${folder} is a symbolic link, which no slot is; remove it.`, 409);
    }
    if (there) await this.remove(name);
    await this.git.addWorktree(folder, commit);
  }

  async remove(name: string): Promise<void> {
    // rm removes a link itself, never what it points at.
    await rm(this.path(name), { recursive: true, force: true, maxRetries: 3 });
    await this.git.pruneWorktrees();
  }

  /** Makes `live` and `prev` fit the state, each replaced in one step. */
  async link(state: Pick<State, 'live' | 'previous'>): Promise<void> {
    await this.point(LINKS.live, state.live?.name);
    await this.point(LINKS.prev, state.previous?.name);
  }

  private async point(link: string, target: string | undefined): Promise<void> {
    const path = this.path(link);
    if (target === undefined) return rm(path, { force: true });
    if ((await readlink(path).catch(absent)) === target) return;
    const next = `${path}.next`;
    await rm(next, { force: true });
    await symlink(target, next);
    await rename(next, path);
  }

  /** Deletes every slot that is not kept. */
  async clean(keep: readonly string[]): Promise<string[]> {
    const names = await readdir(this.folder);
    const stray = names.filter(
      (name) => name.startsWith('slot-') && name !== STAGING && !keep.includes(name),
    );
    for (const name of stray) await this.remove(name);
    for (const link of Object.values(LINKS)) await rm(`${this.path(link)}.next`, { force: true });
    return stray;
  }

  /** Links each shared folder into a slot. The first commit that has such a folder gives what it starts with. */
  async share(name: string, folders: readonly string[], user?: User): Promise<void> {
    for (const folder of folders) {
      const shared = join(this.folder, 'shared', folder);
      const mounted = join(this.path(name), folder);
      await mkdir(dirname(mounted), { recursive: true });
      if (!isBelow(await realpath(dirname(mounted)), await realpath(this.path(name)))) {
        throw new StageError('checkout', `The shared folder ${folder} would lie outside the slot.`, 422);
      }
      const there = await lstat(mounted).catch(absent);
      if (there?.isDirectory() && !(await lstat(shared).catch(absent))) {
        await cp(mounted, shared, { recursive: true, verbatimSymlinks: true });
      }
      await mkdir(shared, { recursive: true });
      if (user) await give(shared, user);
      await rm(mounted, { recursive: true, force: true });
      await symlink(shared, mounted);
    }
  }

  /** What setup made beyond the commit: untracked paths, whole folders as one. */
  async artefacts(name: string): Promise<string[]> {
    const listed = await this.git.run(['ls-files', '--others', '--directory', '-z'], {
      cwd: this.path(name),
    });
    return listed
      .split('\0')
      .filter((path) => path !== '')
      .map((path) => path.replace(/\/$/, ''));
  }

  /**
   * Brings the agent's workspace to a commit, with what setup made. Work in it that is not committed
   * stays, and so does the workspace then.
   * @param deployed commits whose work is not lost when the workspace leaves it
   * @returns why it was left as it is; undefined when it was brought up to date
   */
  async stage(
    from: Slot,
    artefacts: readonly string[],
    deployed: readonly string[],
  ): Promise<string | undefined> {
    const { commit } = from;
    const folder = this.path(STAGING);
    const there = await lstat(folder).catch(absent);
    if (there?.isSymbolicLink()) return `${folder} is a symbolic link`;
    if (!there || !(await lstat(join(folder, '.git')).catch(absent))) {
      await rm(folder, { recursive: true, force: true });
      await this.git.addWorktree(folder, commit);
    } else {
      const { head, changed } = await this.workspace(folder);
      if (changed) return 'it holds changes that are not committed';
      if (head !== commit) {
        if (!deployed.includes(head) && (await this.holdsOwn(head, [commit, ...deployed])))
          return 'it holds commits that are not deployed';
        await this.git.alone(() => this.git.run(['checkout', '--detach', commit], { cwd: folder }));
      }
    }
    for (const path of artefacts) await copyArtefact(join(this.path(from.name), path), join(folder, path));
    return undefined;
  }

  /** What a workspace stands at, and whether tracked files of it were changed. */
  private async workspace(cwd: string): Promise<{ head: string; changed: boolean }> {
    const args = ['status', '--porcelain=v2', '--branch', '--no-ahead-behind', '--untracked-files=no'];
    const lines = (await this.git.run(args, { cwd })).split('\n').filter((line) => line !== '');
    const head = lines.find((line) => line.startsWith('# branch.oid '))?.split(' ')[2] ?? '';
    return { head, changed: lines.some((line) => !line.startsWith('# ')) };
  }

  /** Whether a commit's history has commits that none of the others has. */
  private async holdsOwn(head: string, others: readonly string[]): Promise<boolean> {
    return (await this.git.run(['rev-list', '--count', head, '--not', ...others])).trim() !== '0';
  }
}

async function copyArtefact(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(dirname(to), { recursive: true });
  // Shares the blocks where the file system can.
  await cp(from, to, {
    recursive: true,
    verbatimSymlinks: true,
    mode: constants.COPYFILE_FICLONE,
    force: true,
  });
}

function absent(error: unknown): undefined {
  if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return undefined;
  throw error;
}
