/**
 * Two branches: people work on `main`, the agent on `machine`. Main is merged into machine before the
 * agent works; what was accepted is squashed onto main, and machine starts again from there.
 */
import { codeOf, SlotsError, StageError } from './errors';
import type { Git } from './git';

const NETWORK_MS = 60_000;
const GC_MS = 600_000;

export interface BranchNames {
  main: string;
  machine: string;
  remote: string;
}

/** What became of the agent's workspace before its work. */
export interface Prepared {
  /** Files that the agent has to reconcile first. */
  conflicts: string[];
  /** Why it was left as it was. */
  kept?: string;
}

export class Branches {
  constructor(
    private readonly git: Git,
    private readonly names: BranchNames,
  ) {}

  /** People's newest commit that is known here: the remote's, unless ours is not in it yet. */
  async main(): Promise<string | undefined> {
    const refs = [`refs/heads/${this.names.main}`, `refs/remotes/${this.names.remote}/${this.names.main}`];
    const [local, fetched] = await this.commitsOf(refs);
    if (fetched === undefined || local === undefined || local === fetched) return fetched ?? local;
    return (await this.isIn(local, fetched)) ? fetched : local;
  }

  async machine(): Promise<string | undefined> {
    return (await this.commitsOf([`refs/heads/${this.names.machine}`]))[0];
  }

  async hasRemote(): Promise<boolean> {
    const remotes = await this.git.run(['remote']);
    return remotes.split('\n').includes(this.names.remote);
  }

  /** Asks the remote for people's branch. @throws SlotsError when it cannot be reached */
  async fetch(): Promise<void> {
    const { main, remote } = this.names;
    const range = `+refs/heads/${main}:refs/remotes/${remote}/${main}`;
    await this.git.run(['fetch', '--quiet', '--no-tags', '--end-of-options', remote, range], {
      timeoutMs: NETWORK_MS,
    });
  }

  /** Whether `commit` is in the history of `other`. */
  async isIn(commit: string, other: string): Promise<boolean> {
    return (await this.count(other, commit)) === 0;
  }

  /** How many commits `of` has that `base` has not. */
  async count(base: string, of: string): Promise<number> {
    return Number(await this.git.run(['rev-list', '--count', of, '--not', base]));
  }

  /**
   * Puts the workspace on machine and merges main into it. A conflict stays in the files, for the agent.
   * @param live where machine begins when there is no main
   */
  prepare(workspace: string, live: string): Promise<Prepared> {
    return this.git.alone(async () => {
      const cwd = workspace;
      const main = (await this.main()) ?? live;
      const ref = `refs/heads/${this.names.machine}`;
      if ((await this.machine()) === undefined) await this.git.run(['update-ref', ref, main, '']);
      const unfinished = await this.git.run(['status', '--porcelain', '--untracked-files=no'], { cwd });
      if (unfinished !== '')
        return { conflicts: await this.conflicts(cwd), kept: 'it holds changes that are not committed' };
      if ((await this.headOf(cwd)) !== ref) {
        const own = await this.git.run(['rev-list', '--count', 'HEAD', '--not', ref, main, live], { cwd });
        if (Number(own) > 0) return { conflicts: [], kept: `it holds commits that ${ref} has not` };
        await this.git.run(['checkout', '--quiet', this.names.machine, '--'], { cwd });
      }
      return { conflicts: await this.merge(cwd, main) };
    });
  }

  /**
   * Commits all of the workspace but what setup made there.
   * @returns the workspace's commit, new or not
   * @throws SlotsError while there are conflicts
   */
  commitAll(workspace: string, message: string, artefacts: readonly string[]): Promise<string> {
    return this.git.alone(async () => {
      const cwd = workspace;
      // Looked for first: what is added counts as solved for Git.
      const unsolved = await this.marked(cwd);
      if (unsolved.length > 0)
        throw new SlotsError(`${unsolved.join(', ')} still has conflict markers; nothing was committed.`);
      const except = artefacts.map((path) => `:(exclude,literal,top)${path}`);
      await this.git.run(['add', '--all', '--', ':(top)', ...except], { cwd });
      const staged = await this.git.run(['diff', '--cached', '--name-only', '-z'], { cwd });
      if (staged !== '' || (await this.isMerging(cwd)))
        await this.git.run(['commit', '--quiet', '--no-verify', '-m', message], { cwd });
      return (await this.git.run(['rev-parse', 'HEAD'], { cwd })).trim();
    });
  }

  /**
   * Squashes machine onto main, and lets machine begin there again.
   * @throws StageError (409) where they conflict, or there is nothing
   */
  async accept(message: string): Promise<string> {
    const accepted = await this.git.alone(async () => {
      const { main: name } = this.names;
      const [main, machine] = [await this.main(), await this.machine()];
      if (main === undefined || machine === undefined || (await this.isIn(machine, main)))
        throw new StageError('resolve', 'The agent has nothing that main has not.', 409);
      const tree = await this.mergedTree(main, machine);
      if (tree === undefined)
        throw new StageError('resolve', 'The two branches conflict; let the agent merge main first.', 409);
      const args = ['commit-tree', tree, '-p', main, '-m', message];
      const commit = (await this.git.run(args)).trim();
      await this.move(name, commit);
      await this.move(this.names.machine, commit);
      return commit;
    });
    if (await this.hasRemote()) await this.pushRef(this.names.main);
    return accepted;
  }

  /** Where people have merged all of machine, by a pull request: it begins again from main. @returns whether */
  resetAccepted(): Promise<boolean> {
    return this.git.alone(async () => {
      const [main, machine] = [await this.main(), await this.machine()];
      if (main === undefined || machine === undefined || (await this.isIn(machine, main))) return false;
      const tree = (await this.git.run(['rev-parse', `${main}^{tree}`])).trim();
      if ((await this.mergedTree(main, machine)) !== tree) return false;
      await this.move(this.names.machine, main);
      return true;
    });
  }

  /** Pushes the agent's branch where it has the commit; people push theirs themselves. */
  async push(commit: string): Promise<boolean> {
    const machine = await this.machine();
    if (machine === undefined || !(await this.isIn(commit, machine))) return false;
    const main = await this.main();
    if ((main !== undefined && (await this.isIn(commit, main))) || !(await this.hasRemote())) return false;
    const { machine: name, remote } = this.names;
    const tracked = `refs/remotes/${remote}/${name}`;
    // Machine is reset now and then; what somebody else pushed there is never overwritten.
    const lease = `--force-with-lease=refs/heads/${name}:${(await this.commitOf(tracked)) ?? ''}`;
    await this.pushRef(name, lease);
    await this.git.run(['update-ref', tracked, machine]);
    return true;
  }

  async gc(): Promise<void> {
    await this.git.run(['gc', '--quiet'], { timeoutMs: GC_MS });
  }

  private async pushRef(name: string, ...options: string[]): Promise<void> {
    const range = `refs/heads/${name}:refs/heads/${name}`;
    await this.git.run(
      ['push', '--quiet', '--no-verify', ...options, '--end-of-options', this.names.remote, range],
      { timeoutMs: NETWORK_MS },
    );
  }

  private async merge(cwd: string, main: string): Promise<string[]> {
    try {
      await this.git.run(['merge', '--quiet', '--no-edit', '--no-verify', main], { cwd });
      return [];
    } catch (error) {
      const conflicts = await this.conflicts(cwd);
      if (conflicts.length === 0) throw error;
      return conflicts;
    }
  }

  /** Files that a merge under way could not settle, those without a place for markers too. */
  private async conflicts(cwd: string): Promise<string[]> {
    const unmerged = await this.changed(cwd, '--diff-filter=U');
    return [...new Set([...unmerged, ...(await this.marked(cwd))])];
  }

  /** Files of a merge under way that have conflict markers; outside of one a file may show such lines. */
  private async marked(cwd: string): Promise<string[]> {
    return (await this.isMerging(cwd)) ? this.changed(cwd, '-G^(<<<<<<<|>>>>>>>)( |$)', 'HEAD') : [];
  }

  private async changed(cwd: string, ...which: string[]): Promise<string[]> {
    const listed = await this.git.run(['diff', '--name-only', '-z', '--no-ext-diff', ...which], { cwd });
    return listed.split('\0').filter((path) => path !== '');
  }

  /** The tree both make together; undefined where they conflict. */
  private async mergedTree(main: string, machine: string): Promise<string | undefined> {
    try {
      return (await this.git.run(['merge-tree', '--write-tree', main, machine])).trim();
    } catch (error) {
      if (Number(codeOf((error as Error).cause)) === 1) return undefined;
      throw error;
    }
  }

  /** Where a worktree has the branch its files go along, unless somebody changed just those. */
  private async move(name: string, commit: string): Promise<void> {
    const ref = `refs/heads/${name}`;
    const listed = await this.git.run(['worktree', 'list', '--porcelain', '-z']);
    const holder = listed.split('\0\0').find((entry) => entry.split('\0').includes(`branch ${ref}`));
    const cwd = holder?.split('\0')[0]?.replace(/^worktree /, '');
    if (cwd === undefined) await this.git.run(['update-ref', ref, commit]);
    else await this.git.run(['reset', '--quiet', '--keep', commit], { cwd });
  }

  private async headOf(cwd: string): Promise<string> {
    return (await this.git.run(['rev-parse', '--symbolic-full-name', 'HEAD'], { cwd })).trim();
  }

  private async isMerging(cwd: string): Promise<boolean> {
    return (await this.commitOf('MERGE_HEAD', cwd)) !== undefined;
  }

  /** The commits of branches by their full names, in their order: one process of Git's for all of them. */
  private async commitsOf(refs: readonly string[]): Promise<(string | undefined)[]> {
    const listed = await this.git.run(['for-each-ref', '--format=%(refname) %(objectname)', '--', ...refs]);
    const lines = listed.split('\n').map((line) => line.split(' '));
    return refs.map((ref) => lines.find(([name]) => name === ref)?.[1]);
  }

  private async commitOf(ref: string, cwd = this.git.folder): Promise<string | undefined> {
    try {
      const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`];
      return (await this.git.run(args, { cwd })).trim();
    } catch (error) {
      if (Number(codeOf((error as Error).cause)) === 1) return undefined;
      throw error;
    }
  }
}
