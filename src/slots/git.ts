/**
 * Git, as the controller uses it: no shell, no hooks, no ref that could be read as an option, and no
 * two changes of worktrees at a time, which Git itself does not survive.
 */
import { execFile, execFileSync } from 'node:child_process';
import { lstatSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StageError, SlotsError } from './errors';

const COMMAND_MS = 60_000;
const CHECKOUT_MS = 300_000;
const OUTPUT_MAX_BYTES = 64 * 1024 * 1024;
const REF_MAX = 250;
/** Whose commits the controller's own are. */
const OWN_NAME = 'Reveille';
const OWN_EMAIL = 'reveille@localhost';
/** The repository's own settings must not run programs, nor fetch by the protocol that does. */
const SAFE = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'gc.auto=0',
  'commit.gpgSign=false',
  'advice.detachedHead=false',
  // A slot may belong to the app's user, the workspace to the agent's; whose they are is checked by us.
  'safe.directory=*',
].flatMap((setting) => ['-c', setting]);

export class Git {
  private tail: Promise<unknown> = Promise.resolve();
  private common: string | undefined;

  /** @param folder the repository, or any worktree of it */
  constructor(readonly folder: string) {}

  /** Runs one command and gives what it wrote. Refs in `args` come from {@link resolve}, never from outside. */
  run(args: readonly string[], { cwd = this.folder, timeoutMs = COMMAND_MS } = {}): Promise<string> {
    if (cwd !== this.folder) this.checkWorktree(cwd);
    return new Promise((resolve, reject) => {
      execFile(
        'git',
        [...SAFE, ...args],
        { cwd, env: environment(), timeout: timeoutMs, maxBuffer: OUTPUT_MAX_BYTES, killSignal: 'SIGKILL' },
        (error, stdout, stderr) => {
          if (!error) return resolve(stdout);
          const said = stderr.trim().split('\n').slice(-3).join(' ') || error.message;
          const cause = Object.assign(error, { stdout });
          reject(new SlotsError(`git ${args[0] ?? ''} failed: ${withoutPasswords(said)}`, { cause }));
        },
      );
    });
  }

  /**
   * Whoever writes in a worktree could lead its ".git" to a repository whose settings run programs.
   * @throws SlotsError unless it leads to ours
   */
  private checkWorktree(cwd: string): void {
    const link = join(cwd, '.git');
    let target = '';
    try {
      if (lstatSync(link).isFile()) target = /^gitdir: (.+)\n$/.exec(readFileSync(link, 'utf8'))?.[1] ?? '';
      if (dirname(realpathSync(target)) === join(this.commonFolder(), 'worktrees')) return;
    } catch (cause) {
      throw new SlotsError(`${link} cannot be read; remove ${cwd}, it is made again.`, { cause });
    }
    throw new SlotsError(`${link} does not lead to ${this.folder}; remove ${cwd}, it is made again.`);
  }

  private commonFolder(): string {
    return (this.common ??= commonFolderOf(this.folder));
  }

  /**
   * The full hash of the commit that a ref of an outsider names.
   * @throws StageError (400) when it is none, or no name of a commit at all
   */
  async resolve(ref: string): Promise<string> {
    const fault = refFault(ref);
    if (fault !== undefined) throw new StageError('resolve', `This is no commit: ${fault}.`, 400);
    try {
      return (
        await this.run(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
      ).trim();
    } catch (cause) {
      throw new StageError(
        'resolve',
        `There is no commit "${ref}" in ${this.folder}; commit or fetch it first.`,
        400,
        { cause },
      );
    }
  }

  /** The commit of a branch: here, else as last fetched. */
  async resolveBranch(branch: string): Promise<string> {
    for (const prefix of ['refs/heads/', 'refs/remotes/origin/']) {
      try {
        return await this.resolve(`${prefix}${branch}`);
      } catch (error) {
        // The next place; the error below names both.
        if (!(error instanceof StageError)) throw error;
      }
    }
    throw new StageError('resolve', 'There is no such branch here or at "origin".', 400);
  }

  addWorktree(folder: string, commit: string): Promise<void> {
    // Forced, as what is left of a worktree whose folder went away would be in the way.
    const args = ['worktree', 'add', '--detach', '--force', folder, commit];
    return this.alone(async () => void (await this.run(args, { timeoutMs: CHECKOUT_MS })));
  }

  /** Forgets worktrees whose files are gone. */
  pruneWorktrees(): Promise<void> {
    return this.alone(async () => void (await this.run(['worktree', 'prune'])));
  }

  /** Takes its turn among the changes of worktrees. */
  async alone<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.tail.then(change);
    this.tail = turn.catch(() => undefined); // The error is the caller's; the next turn comes all the same.
    return turn;
  }
}

function commonFolderOf(folder: string): string {
  const args = [...SAFE, 'rev-parse', '--git-common-dir'];
  const said = execFileSync('git', args, { cwd: folder, env: environment(), encoding: 'utf8' });
  return realpathSync(resolve(folder, said.trim()));
}

/** Why a text cannot name a commit; undefined when it may. */
export function refFault(ref: string): string | undefined {
  if (ref === '') return 'it is empty';
  if (ref.length > REF_MAX) return `it is longer than ${REF_MAX} characters`;
  if (ref.startsWith('-')) return 'it begins with "-", as an option does';
  if (!/^[A-Za-z0-9][A-Za-z0-9._/@+~^-]*$/.test(ref))
    return 'it holds characters that no name of a commit has';
  if (ref.includes('..')) return 'it holds ".."';
  return undefined;
}

/** A remote's URL may hold a token. */
const withoutPasswords = (text: string): string => text.replace(/:\/\/[^\s/@]+@/g, '://');

/** Nothing of ours that would turn Git to another repository, and no question at a terminal. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('GIT_'));
  return {
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    LC_ALL: 'C',
    GIT_AUTHOR_NAME: OWN_NAME,
    GIT_AUTHOR_EMAIL: OWN_EMAIL,
    GIT_COMMITTER_NAME: OWN_NAME,
    GIT_COMMITTER_EMAIL: OWN_EMAIL,
  };
}
