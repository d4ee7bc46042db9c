import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { examineSlots } from '../../src/cli/doctor-slots';
import { temporaryFolder } from '../support/folders';
import { freePort } from '../support/ports';
import { BIN, useInstallations } from './support/fixture';

const REVEILLE = resolve('dist/cli/index.js');

const cli = (cwd: string, ...args: string[]) => cliWith({}, cwd, ...args);
const reveille = (cwd: string, ...args: string[]) => ran(REVEILLE, {}, cwd, args);

const cliWith = (own: Record<string, string>, cwd: string, ...args: string[]) => ran(BIN, own, cwd, args);

async function ran(bin: string, own: Record<string, string>, cwd: string, args: readonly string[]) {
  const env = { ...process.env, ...own };
  const child = spawn(process.execPath, [bin, ...args], { cwd, env });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

describe('reveille-slots', () => {
  const make = useInstallations();
  let folder: string;
  let remove: () => Promise<void>;

  beforeAll(async () => {
    ({ path: folder, remove } = await temporaryFolder());
  });
  afterAll(() => remove());

  const project = (name: string, files: Record<string, string>) => {
    const path = join(folder, name);
    mkdirSync(path);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  };
  const contractOf = (path: string) =>
    JSON.parse(readFileSync(join(path, 'slot-machine.json'), 'utf8')) as Record<string, unknown>;

  it('says how it is used, and which commands there are', async () => {
    const none = await cli(folder);
    expect(none.code).not.toBe(0);
    expect(none.stderr).toMatch(
      /^usage: reveille-slots <command>; the commands are init, start, deploy, rollback, status, list/,
    );
    const unknown = await cli(folder, 'badcmd');
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toContain('unknown command');
  });

  it('is a part of reveille, too, and refuses the same', async () => {
    const none = await reveille(folder, 'slots');
    expect(none.code).not.toBe(0);
    expect(none.stderr).toMatch(/^usage: reveille slots <command>; the commands are init, start, deploy/);
    const unknown = await reveille(folder, 'slots', 'badcmd');
    expect(unknown.code).not.toBe(0);
    expect(unknown.stderr).toContain('unknown command');
  });

  it('names what is missing', async () => {
    const start = await cli(folder, 'start');
    expect(start.code).not.toBe(0);
    expect(start.stderr).toMatch(/slot-machine\.json[\s\S]*init/);
    const bad = project('bad', { 'app.contract.json': '{"start_command":"x","port":"secret-canary"}' });
    const faulty = await cli(bad, 'start');
    expect(faulty.stderr).toMatch(/app\.contract\.json does not fit\. port: /);
    expect(faulty.stderr).not.toContain('secret-canary');
    const clash = project('clash', {
      'slot-machine.json': '{"start_command":"x","port":9100,"protected":[]}',
    });
    expect((await cli(clash, 'start')).stderr).toMatch(
      /slot-machine\.json: protected is read by nobody here[\s\S]*port 9100 is the app's as well.*api_port/,
    );
  });

  it('leaves a folder as it is where it knows no lock file, and says where a contract is shown', async () => {
    const path = project('unknown', {});
    const { code, stderr } = await cli(path, 'init');
    expect(code).toBe(1);
    expect(stderr).toContain('docs/slots.md shows one');
    expect(readdirSync(path)).toEqual([]);
  });

  it('writes a contract for bun, once, and ignores its data once', async () => {
    const pkg = JSON.stringify({ scripts: { start: 'bun server/index.ts' } });
    const path = project('bun', {
      'bun.lock': '',
      'package.json': pkg,
      '.env': 'A=1\n',
      '.gitignore': 'dist',
    });
    const first = await cli(path, 'init');
    expect(first.stdout).toContain('slot-machine.json');
    expect(contractOf(path)).toMatchObject({
      setup_command: 'bun install --frozen-lockfile',
      start_command: 'bun server/index.ts',
      port: expect.any(Number) as number,
      health_endpoint: '/healthz',
      env_file: '.env',
    });
    expect((await cli(path, 'init')).code).toBe(0);
    expect(readFileSync(join(path, '.gitignore'), 'utf8')).toBe('dist\n.slot-machine\n');
  });

  it.each([
    ['uv.lock', 'uv sync --frozen', 'uv run python app.py'],
    ['package-lock.json', 'npm ci', 'npm start'],
    ['pnpm-lock.yaml', 'pnpm install --frozen-lockfile', 'pnpm start'],
    ['Gemfile.lock', 'bundle install', 'bundle exec ruby app.rb'],
  ])('knows %s', async (lock, setup, start) => {
    const path = project(`with-${lock}`, { [lock]: '' });
    expect((await cli(path, 'init')).code).toBe(0);
    expect(contractOf(path)).toMatchObject({ setup_command: setup, start_command: start });
    expect(contractOf(path)).not.toHaveProperty('env_file');
  });

  it('deploys, rolls back and tells, or says that nobody is there', async () => {
    const app = await make();
    const a = app.repo.commit({ version: 'A' });
    writeFileSync(join(app.repo.folder, 'slot-machine.json'), JSON.stringify({ api_port: await freePort() }));
    const down = await cli(app.repo.folder, 'deploy');
    expect(down.code).not.toBe(0);
    expect(down.stderr).toContain('cannot reach');
    await app.start();
    const at = ['--port', String(app.ports.api)];
    expect((await cli(app.repo.folder, 'deploy', ...at)).stdout).toContain(`slot-${a.slice(0, 8)} is live`);
    const refused = await cli(app.repo.folder, 'rollback', ...at);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('no previous slot');
    app.repo.commit({ version: 'B' });
    await cli(app.repo.folder, 'deploy', 'main', ...at);
    expect((await cli(app.repo.folder, 'rollback', ...at)).stdout).toContain(`(${a})`);
    expect((await cli(app.repo.folder, 'status', ...at)).stdout).toMatch(
      /^live +slot-\w{8} {2}[0-9a-f]{40} {2}healthy$/m,
    );
  });

  it('lists the apps of a machine, each with its own controller', async () => {
    const registry = join(folder, 'registry');
    const list = async (...options: string[]) =>
      (await cliWith({ REVEILLE_SLOTS_REGISTRY: registry }, folder, 'list', ...options)).stdout;
    expect(await list()).toContain('No app was started');
    expect(await examineSlots(registry)).toEqual([]);
    const [one, two] = [await make(), await make()];
    two.contract({ limits: { tasks: 64, cgroup: 'off' } });
    for (const app of [one, two]) await app.start({ REVEILLE_SLOTS_REGISTRY: registry });
    await one.live(one.repo.commit({ version: 'A' }));
    const apps = JSON.parse(await list('--json')) as { data: string; health: string; live_slot: string }[];
    const of = (app: typeof one) => apps.find(({ data }) => data === app.data);
    expect(of(one)).toMatchObject({ health: 'healthy', live_slot: (await one.status()).live_slot });
    expect(of(two)).toMatchObject({ health: 'nothing live' });
    const doctor = async () =>
      (await examineSlots(registry)).map(({ verdict, text }) => `${verdict} ${text.replace(/^.+?: /, '')}`);
    expect((await doctor()).sort()).toEqual([
      'ok healthy; no limits are set',
      'warn nothing live; limits hold by prlimit for each process; not tasks: limits.cgroup is off',
    ]);
    await two.stop();
    expect(await doctor()).toContain('unknown its controller does not run');
    const text = await list();
    expect(text).toMatch(new RegExp(`${one.ports.app} +${one.ports.api} +slot-\\w+ +healthy`));
    expect(text).toMatch(new RegExp(`${two.ports.app} +${two.ports.api} +- +stopped`));
    rmSync(two.data, { recursive: true });
    expect(await list()).not.toContain(String(two.ports.app));
  });
});
