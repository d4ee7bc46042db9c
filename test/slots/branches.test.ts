import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Branches } from '../../src/slots/branches';
import { Git } from '../../src/slots/git';
import { temporaryFolder } from '../support/folders';
import { Repository } from './support/fixture';

describe('the branches', () => {
  let path: string;
  let remove: () => Promise<void>;
  let repo: Repository;
  let git: Git;
  let branches: Branches;
  let workspace: string;
  let remote: string;
  let base = '';

  let model: Awaited<ReturnType<typeof temporaryFolder>>;
  beforeAll(async () => {
    model = await temporaryFolder();
    mkdirSync(join(model.path, 'repo'));
    const first = new Repository(join(model.path, 'repo'));
    base = first.commit({ version: 'base', files: { 'a.txt': 'a\n' } });
    execFileSync('git', ['clone', '--quiet', '--bare', first.folder, join(model.path, 'remote.git')]);
  });
  afterAll(() => model.remove());

  beforeEach(async () => {
    ({ path, remove } = await temporaryFolder());
    cpSync(model.path, path, { recursive: true });
    repo = Repository.at(join(path, 'repo'));
    repo.git('update-index', '-q', '--refresh'); // The copies are other files than those it knows.
    remote = join(path, 'remote.git');
    repo.git('remote', 'add', 'origin', remote);
    git = new Git(repo.folder);
    branches = new Branches(git, { main: 'main', machine: 'machine', remote: 'origin' });
    workspace = join(path, 'work');
    await git.addWorktree(workspace, base);
  });
  afterEach(() => remove());

  const there = (...args: string[]) => execFileSync('git', args, { cwd: workspace, encoding: 'utf8' }).trim();
  const edit = (file: string, text: string) => writeFileSync(join(workspace, file), text);
  const remoteHas = (name: string) =>
    execFileSync('git', ['--git-dir', remote, 'rev-parse', name], { encoding: 'utf8' }).trim();

  it('bring the workspace to machine with main merged, and commit what was done but artefacts', async () => {
    const next = repo.commit({ version: 'next' });
    expect(await branches.prepare(workspace, base)).toEqual({ conflicts: [] });
    expect(there('rev-parse', '--abbrev-ref', 'HEAD')).toBe('machine');
    expect(await branches.machine()).toBe(next);
    edit('new.txt', 'new');
    edit('made-by-setup', 'x');
    const commit = await branches.commitAll(workspace, 'Work', ['made-by-setup']);
    expect(there('show', '--name-only', '--format=%an %s', commit)).toBe('Reveille Work\n\nnew.txt');
    expect(await branches.commitAll(workspace, 'Nothing', ['made-by-setup'])).toBe(commit);
    const later = repo.commit({ version: 'later' });
    expect(await branches.prepare(workspace, base)).toEqual({ conflicts: [] });
    expect(await branches.isIn(later, 'machine')).toBe(true);
  });

  it('leave a conflict to the agent, and commit only once it is solved', async () => {
    await branches.prepare(workspace, base);
    edit('a.txt', 'machine\n');
    await branches.commitAll(workspace, 'Work', []);
    repo.commit({ version: 'base', files: { 'a.txt': 'people\n' } });
    expect(await branches.prepare(workspace, base)).toEqual({ conflicts: ['a.txt'] });
    expect(readFileSync(join(workspace, 'a.txt'), 'utf8')).toContain('<<<<<<<');
    expect((await branches.prepare(workspace, base)).kept).toMatch(/not committed/);
    await expect(branches.commitAll(workspace, 'Work', [])).rejects.toThrow(/conflict markers/);
    edit('a.txt', 'both\n');
    const merged = await branches.commitAll(workspace, 'Solve', []);
    expect(there('show', '-s', '--format=%P', merged).split(' ')).toHaveLength(2);
    await expect(branches.accept('Accept')).resolves.toMatch(/^[0-9a-f]{40}$/);
  });

  it('tell of a file that one deleted and the other changed, which has no markers', async () => {
    await branches.prepare(workspace, base);
    edit('a.txt', 'machine\n');
    await branches.commitAll(workspace, 'Work', []);
    repo.commit({ version: 'base', files: { 'a.txt': null } });
    expect(await branches.prepare(workspace, base)).toEqual({ conflicts: ['a.txt'] });
    // As the agent leaves it, it is decided.
    const merged = await branches.commitAll(workspace, 'Keep it', []);
    expect(there('show', `${merged}:a.txt`)).toBe('machine');
  });

  it('squash what is accepted onto main, along with its files and the remote, and begin again', async () => {
    await branches.prepare(workspace, base);
    for (const n of ['1', '2', '3']) {
      edit('a.txt', `${n}\n`);
      await branches.commitAll(workspace, n, []);
    }
    const accepted = await branches.accept('Accept');
    expect(repo.git('rev-list', '--count', `${base}..main`)).toBe('1');
    expect(readFileSync(join(repo.folder, 'a.txt'), 'utf8')).toBe('3\n');
    expect([await branches.machine(), there('rev-parse', 'HEAD'), remoteHas('main')]).toEqual(
      Array(3).fill(accepted),
    );
    await expect(branches.accept('Again')).rejects.toThrow(/nothing that main has not/);
  });

  it('begin again where people squashed it themselves', async () => {
    await branches.prepare(workspace, base);
    edit('a.txt', 'done\n');
    const done = await branches.commitAll(workspace, 'Work', []);
    expect(await branches.resetAccepted()).toBe(false);
    repo.git('merge', '--quiet', '--squash', done);
    repo.git('commit', '--quiet', '-m', 'Squashed');
    expect(await branches.resetAccepted()).toBe(true);
    expect(await branches.machine()).toBe(repo.git('rev-parse', 'main'));
  });

  it('push machine alone, over what it was before, never over what another pushed', async () => {
    await branches.prepare(workspace, base);
    expect(await branches.push(base)).toBe(false);
    edit('a.txt', 'one\n');
    const one = await branches.commitAll(workspace, 'One', []);
    expect(await branches.push(one)).toBe(true);
    expect([remoteHas('machine'), remoteHas('main')]).toEqual([one, base]);
    await branches.accept('Accept');
    edit('a.txt', 'two\n');
    const two = await branches.commitAll(workspace, 'Two', []);
    expect(await branches.push(two)).toBe(true);
    execFileSync('git', ['--git-dir', remote, 'update-ref', 'refs/heads/machine', base]);
    edit('a.txt', 'three\n');
    await expect(branches.push(await branches.commitAll(workspace, 'Three', []))).rejects.toThrow(
      /push failed/,
    );
    expect(remoteHas('machine')).toBe(base);
  });

  it("run no hooks, and say no remote's password", async () => {
    const canary = join(path, 'hook-ran');
    for (const hook of ['pre-commit', 'post-merge', 'pre-push', 'post-checkout', 'prepare-commit-msg']) {
      writeFileSync(join(repo.folder, '.git/hooks', hook), `#!/bin/sh\ntouch ${canary}\n`, { mode: 0o755 });
    }
    repo.git('-c', 'core.hooksPath=/dev/null', 'branch', 'other');
    await branches.prepare(workspace, base);
    edit('a.txt', 'one\n');
    await branches.push(await branches.commitAll(workspace, 'One', []));
    await branches.gc();
    expect(existsSync(canary)).toBe(false);
    repo.git('remote', 'set-url', 'origin', 'http://user:password-canary@127.0.0.1:1/x.git');
    const error = await branches.fetch().catch((thrown: Error) => thrown.message);
    expect(error).toMatch(/fetch failed/);
    expect(error).not.toContain('password-canary');
  });
});
