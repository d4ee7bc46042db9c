/** A release is assembled from a folder: the same on every machine, and from nothing that is not committed. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { assemble } from '../../src/cli/release/assemble';
import { writerRelease } from '../grpc/support';
import { startApi, type Api } from '../http/support/api';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';
import { cliOf } from './support/cli';

const git = (at: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', '-C', at, ...args]);

describe('a release of a folder', () => {
  let root: string;
  let remove: () => Promise<unknown>;
  let agent: string;

  beforeEach(async () => {
    ({ path: root, remove } = await temporaryFolder());
    agent = join(root, 'repo', 'writer');
    mkdirSync(join(agent, 'prompts', 'parts'), { recursive: true });
    writeFileSync(join(agent, 'prompts', 'system.md'), 'Be brief.');
    writeFileSync(join(agent, 'prompts', 'parts', 'a.md'), 'And kind.');
    writeFileSync(join(agent, 'index.js'), 'module.exports = 1;\n');
    const settings = {
      models: [{ provider: 'p', model: 'm', snapshot: '1' }],
      permissions: ['net:b', 'net:a'],
    };
    writeFileSync(join(agent, 'agent.json'), JSON.stringify(settings));
    git(join(root, 'repo'), 'init', '-q');
    git(join(root, 'repo'), 'add', '.');
    git(join(root, 'repo'), 'commit', '-qm', 'first');
  });
  afterEach(() => remove());

  it('is the same in two clones, and another when a prompt changes', async () => {
    git(root, 'clone', '-q', 'repo', 'clone');
    const [one, two] = [
      await assemble(agent, 'w', false),
      await assemble(join(root, 'clone', 'writer'), 'w', false),
    ];
    expect(two).toEqual(one);
    expect(one.manifest.prompts.map((p) => p.path)).toEqual(['prompts/parts/a.md', 'prompts/system.md']);
    expect(one.manifest.permissions).toEqual(['net:a', 'net:b']);
    expect([...one.parts.values()].map(String).sort()).toEqual(['And kind.', 'Be brief.']);
    writeFileSync(join(agent, 'prompts', 'system.md'), 'Be long.');
    git(join(root, 'repo'), 'commit', '-qam', 'second');
    expect((await assemble(agent, 'w', false)).id).not.toBe(one.id);
  });

  it('is refused while something is not committed, unless it is asked for', async () => {
    writeFileSync(join(agent, 'new.js'), '1');
    await expect(assemble(agent, 'w', false)).rejects.toMatchObject({
      lines: ['?? writer/new.js', 'Commit it, or take it as it is with --dirty.'],
    });
    const dirty = await assemble(agent, 'w', true);
    expect(dirty.manifest.code.files).toMatch(/^[0-9a-f]{64}$/);
    const copy = join(root, 'copy');
    cpSync(agent, copy, { recursive: true });
    const { code } = (await assemble(copy, 'w', true)).manifest;
    expect(code).toEqual({ files: dirty.manifest.code.files });
  });

  it('says what is wrong with agent.json', async () => {
    writeFileSync(join(agent, 'agent.json'), '{"contractVersion": "one"}');
    await expect(assemble(agent, 'w', true)).rejects.toMatchObject({
      lines: [expect.stringMatching(/^contractVersion: /)],
    });
    await expect(assemble(join(root, 'nowhere'), 'w', true)).rejects.toThrow(/There is no folder/);
  });
});

const processes = useProcesses();

describe('a rollout at a terminal', () => {
  let api: Api;
  beforeAll(async () => {
    api = await startApi();
    const manifest = writerRelease(1).manifest;
    await api.call('POST', '/releases', { json: { manifest, parts: [] } });
  });
  afterAll(() => api.close());
  const { cli } = cliOf(processes, () => ({ REVEILLE_URL: `http://127.0.0.1:${api.port}` }));
  const reveille = (...args: string[]) => cli(['release', ...args]);

  it('goes by the rules that are set, and is followed until somebody is to say yes, and to its end', async () => {
    const set = await reveille('policy', 'writer', '--approvals', '1', '--keep-warm', '10m', '--no-from');
    expect([set.code, set.text]).toEqual([
      0,
      expect.stringMatching(/approvals: {2}1\n[^]*keep warm: {2}600 s/),
    ]);
    const held = await reveille('promote', writerRelease(1).id, '--watch');
    expect(held.text).toContain('It waits for approvals: 0 of 1 so far.');
    expect(held.text).toMatch(/^writer\/development: direct of [0-9a-f]{12}, gating \(approval\)$/m);
    const [id = ''] = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(held.text) ?? [];
    expect((await reveille('approve', id, '--reason', 'good')).code).toBe(0);
    const done = await reveille('watch', id);
    expect([done.code, done.text]).toEqual([0, expect.stringContaining('approval: pass: approved by local')]);
  });
});
