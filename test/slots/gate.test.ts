import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { useInstallations, type Installation } from './support/fixture';

/** Put together here, so that no scanner of this repository takes them for real. */
const GITHUB_TOKEN = ['ghp', 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8'].join('_');
const STRIPE_KEY = ['sk', 'live', '4eC39HqLyjWDarjtT1zdp7dcXk'].join('_');

describe('the gate', () => {
  const make = useInstallations();
  let app: Installation;
  let a = '';

  beforeAll(async () => {
    app = await make({
      protected_paths: ['.env', 'orchestrator/', 'app.contract.json'],
      max_diff_lines: 50,
      max_deploy_size_mb: 0.1,
      shared_dirs: ['uploads'],
    });
    a = app.repo.commit({ version: 'A', files: { 'uploads/seed.txt': 'seed' } });
    await app.start();
    await app.live(a);
  });

  /** A commit on top of what is live, whatever was refused before. */
  const change = (files: Record<string, string | null>) => {
    app.repo.git('checkout', '--quiet', '--force', '-B', 'main', a);
    return app.repo.commit({ version: 'X', files });
  };
  const refused = async (files: Record<string, string | null>) => {
    const { status, body } = await app.deploy(change(files));
    expect({ status, stage: body.stage }).toEqual({ status: 422, stage: 'gate' });
    expect(await app.status()).toMatchObject({ live_commit: a, healthy: true });
    return body.error ?? '';
  };

  it('finds secrets in added lines, tells where, and never what', async () => {
    const error = await refused({ 'config.js': `module.exports = {\n  token: '${GITHUB_TOKEN}',\n};\n` });
    expect(error).toContain('config.js:2: it looks like a GitHub token');
    expect(await refused({ 'pay.rb': `KEY = "${STRIPE_KEY}"\n` })).toContain('a Stripe key');
    for (const text of [
      error,
      readFileSync(join(app.data, 'deploys.jsonl'), 'utf8'),
      app.process?.output() ?? '',
    ]) {
      expect(text).not.toContain(GITHUB_TOKEN);
      expect(text).not.toContain(STRIPE_KEY);
    }
  });

  it('is not deceived by attributes that call a file binary', async () => {
    const files = { '.gitattributes': '* -diff binary\n', 'config.js': `const t = '${GITHUB_TOKEN}';\n` };
    writeFileSync(join(app.repo.folder, '.gitattributes'), files['.gitattributes']);
    expect(await refused(files)).toContain('config.js:1');
  });

  it('refuses protected paths, whole steps of them only', async () => {
    expect(await refused({ '.env': 'A=1\n' })).toContain('.env: protected_paths has ".env"');
    expect(await refused({ 'orchestrator/deep/x.js': '1' })).toContain('protected_paths has "orchestrator/"');
    expect(await app.live(change({ '.environment': 'fine', 'orchestrators/x': 'fine' }))).toMatchObject({
      status: 200,
    });
    await app.live(a);
  });

  it('refuses too many lines and too many bytes', async () => {
    expect(await refused({ 'long.txt': 'line\n'.repeat(60) })).toMatch(
      /6\d changed lines; max_diff_lines allows 50/,
    );
    expect(await refused({ 'wide.txt': 'w'.repeat(200_000) })).toMatch(
      /MB of files; max_deploy_size_mb allows 0.1/,
    );
  });

  it('shares folders between slots and keeps them out of the workspace', async () => {
    writeFileSync(join(app.data, 'live/uploads/by-user.txt'), 'kept');
    await app.live(change({ 'more.txt': 'm' }));
    expect(readFileSync(join(app.data, 'live/uploads/by-user.txt'), 'utf8')).toBe('kept');
    expect(readFileSync(join(app.data, 'shared/uploads/seed.txt'), 'utf8')).toBe('seed');
    expect(existsSync(join(app.data, 'slot-staging/uploads/by-user.txt'))).toBe(false);
  });

  it.each([
    '--lock',
    '--upload-pack=touch /tmp/x',
    '-h',
    '../../etc',
    'a..b',
    'HEAD; id',
    '',
    'x'.repeat(300),
    '@{-1}',
  ])('takes %j for no commit, harmlessly', async (commit) => {
    const before = app.slotFolders();
    expect(await app.deploy(commit)).toMatchObject({ status: 400, body: { success: false } });
    expect((await app.call('POST', '/deploy', { branch: commit })).status).toBe(400);
    expect(app.slotFolders()).toEqual(before);
  });

  it('runs no hook of the repository', async () => {
    const hooks = join(app.repo.folder, '.git/hooks');
    mkdirSync(hooks, { recursive: true });
    const witness = join(app.folder, 'hook-ran');
    for (const hook of ['post-checkout', 'post-merge', 'reference-transaction']) {
      writeFileSync(join(hooks, hook), `#!/bin/sh\necho ${hook} >> ${witness}\n`, { mode: 0o755 });
    }
    const commit = change({ 'hook.txt': 'h' }); // Our own Git may run them; the controller's may not.
    writeFileSync(witness, '');
    expect(await app.live(commit)).toMatchObject({ status: 200 });
    expect(readFileSync(witness, 'utf8')).toBe('');
  });

  it('refuses a slot that is a symbolic link, and does not touch what it points at', async () => {
    const commit = change({ 'link.txt': 'l' });
    const outside = join(app.folder, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'kept'), 'kept');
    symlinkSync(outside, join(app.data, `slot-${commit.slice(0, 8)}`));
    expect(await app.deploy(commit)).toMatchObject({ status: 409, body: { stage: 'checkout' } });
    expect(readFileSync(join(outside, 'kept'), 'utf8')).toBe('kept');
  });

  it('answers JSON always, and no web page', async () => {
    const at = `http://127.0.0.1:${app.ports.api}`;
    const page = await fetch(`${at}/deploy`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      body: '{}',
    });
    expect({ status: page.status, type: page.headers.get('content-type') }).toEqual({
      status: 403,
      type: 'application/json',
    });
    for (const [path, init, status] of [
      ['/nowhere', {}, 404],
      ['/deploy', {}, 405],
      ['/deploy', { method: 'POST', body: '{' }, 400],
      ['/deploy', { method: 'POST', body: '{}' }, 400],
      ['/deploy', { method: 'POST', body: 'x'.repeat(70_000) }, 413],
      ['/', {}, 200],
    ] as const) {
      const response = await fetch(`${at}${path}`, init);
      expect(response.status).toBe(status);
      expect(typeof (await response.json())).toBe('object');
    }
  });
});
