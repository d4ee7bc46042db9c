/** Keys and logins at a terminal, over a real API: what is printed, what is kept, and who can read it. */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { chosenProfile, profilesFile, readProfiles, writeProfiles } from '../../src/cli/profiles';
import { apiOf } from '../../src/cli/client';
import { ApiKeys } from '../../src/http/auth';
import { startApi, type Api } from '../http/support/api';
import { temporaryFolder } from '../support/folders';
import { TYPESCRIPT } from '../support/processes';

const ROOT_KEY = 'root-key-canary-5a0f5c1e';
const CLI = join(__dirname, '../../src/cli/index.ts');
const REPOSITORY = join(__dirname, '../..');
const DEADLINE_MS = 30_000;

let api: Api;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  api = await startApi({ auth: new ApiKeys([ROOT_KEY]) });
});
afterAll(() => api.close());
beforeEach(async () => void (folder = await temporaryFolder()));
afterEach(() => folder.remove());

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command with a configuration folder of its own. */
function reveille(args: string[], env: Record<string, string> = {}, input = ''): Promise<Ended> {
  const { REVEILLE_API_KEY: _key, REVEILLE_URL: _url, REVEILLE_PROFILE: _profile, ...rest } = process.env;
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [...TYPESCRIPT, CLI, ...args],
      {
        cwd: REPOSITORY,
        timeout: DEADLINE_MS,
        env: { ...rest, XDG_CONFIG_HOME: folder.path, NO_COLOR: '1', ...env },
      },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
    child.stdin?.end(input);
  });
}
const url = () => `http://127.0.0.1:${api.port}`;
const asRoot = (...args: string[]) => reveille(args, { REVEILLE_API_KEY: ROOT_KEY, REVEILLE_URL: url() });

it('keeps a key that was tried, for its user alone, and uses it from then on', async () => {
  const login = await reveille(['login', '--url', url(), '--profile', 'prod'], {}, `${ROOT_KEY}\n`);
  expect(login).toMatchObject({ code: 0, stderr: '' });
  expect(login.stdout).toMatch(/^prod: key:[0-9a-f]{8}, admin\nKept in /);
  const file = profilesFile({ XDG_CONFIG_HOME: folder.path });
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  expect((statSync(dirname(file)).mode & 0o777).toString(8)).toBe('700');
  const who = await reveille(['whoami', '--profile', 'prod']);
  expect(who.stdout).toMatch(new RegExp(`^${url()}: key:[0-9a-f]{8}, admin\n$`));
  const runs = await reveille(['runs'], { REVEILLE_PROFILE: 'prod' });
  expect(runs).toMatchObject({ code: 0, stdout: 'There is no such run.\n' });
  for (const { stdout, stderr } of [login, who, runs]) expect(stdout + stderr).not.toContain('canary');
  const out = await reveille(['logout', '--profile', 'prod']);
  expect([out.code, readFileSync(file, 'utf8')]).toEqual([0, expect.not.stringContaining('canary')]);
});

it('keeps no key that opens nothing', async () => {
  const login = await reveille(['login', '--url', url()], {}, 'wrong-key-canary');
  expect(login.code).toBe(4);
  expect(login.stderr).toContain('unauthorized');
  expect(login.stderr).not.toContain('canary');
  expect(readProfiles({ XDG_CONFIG_HOME: folder.path })).toEqual({});
});

it('makes, lists, rotates and revokes', async () => {
  const made = await asRoot(
    'keys',
    'create',
    'ci',
    '--scope',
    'viewer',
    '--scope',
    'approver',
    '--owner',
    'anna',
  );
  expect(made.code).toBe(0);
  expect(made.stdout).toMatch(/^rv_[0-9a-f]{12}_[\w-]{43}\n$/);
  const id = made.stdout.split('_')[1] ?? '';
  expect(made.stderr).toContain(`id ${id}, viewer approver, of anna`);
  const rotated = await asRoot('keys', 'rotate', id, '--grace', '0', '--json');
  expect(JSON.parse(rotated.stdout)).toMatchObject({ key: { id, status: 'active', previousUntil: null } });
  const list = await asRoot('keys', 'list');
  expect(list.stdout).toMatch(new RegExp(`${id}  ci +anna +viewer approver +never +- +active`));
  expect(list.stdout).not.toContain(made.stdout.trim());
  const loggedOut = await asRoot('keys', 'log-out', 'anna', '--yes');
  expect([loggedOut.code, loggedOut.stdout]).toEqual([0, 'anna is not logged in.\n']);
  const revoked = await asRoot('keys', 'revoke', id, '--reason', 'it leaked');
  expect(revoked.stdout).toBe(`${id} (ci) is revoked.\n`);
  expect((await asRoot('keys', 'list')).stdout).not.toContain(id);
});

describe('profiles', () => {
  const env = () => ({ XDG_CONFIG_HOME: folder.path });
  const prod = { url: 'https://prod.example', key: 'prod-key' };

  it('are chosen by name, else the default one', () => {
    expect(chosenProfile(undefined, env())).toBeUndefined();
    writeProfiles({ default: { url: 'http://localhost:1', key: 'k' }, prod }, env());
    expect(chosenProfile('prod', env())).toEqual(prod);
    expect(chosenProfile(undefined, env())).toMatchObject({ key: 'k' });
    expect(() => chosenProfile('constructor', env())).toThrow('There is no profile "constructor".');
  });

  it('send their key to their own address only, and no other key there', () => {
    writeProfiles({ prod }, env());
    const keyFor = (options: { url: string; profile?: string }, more: Record<string, string> = {}) =>
      (apiOf(options, { ...env(), ...more }) as unknown as { key?: string }).key;
    expect(keyFor({ url: prod.url, profile: 'prod' })).toBe('prod-key');
    expect(keyFor({ url: prod.url, profile: 'prod' }, { REVEILLE_API_KEY: 'other' })).toBe('prod-key');
    expect(keyFor({ url: 'https://elsewhere.example', profile: 'prod' })).toBeUndefined();
    expect(keyFor({ url: 'https://elsewhere.example' }, { REVEILLE_API_KEY: 'other' })).toBe('other');
    expect(keyFor({ url: prod.url }, { REVEILLE_PROFILE: 'prod' })).toBe('prod-key');
  });

  it('in a file that was spoiled are a mistake told without its content', () => {
    const file = profilesFile(env());
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '{"profiles": {"prod": "secret-canary"');
    expect(() => readProfiles(env())).toThrow(/profiles\.json cannot be read/);
    expect(() => readProfiles(env())).not.toThrow(/canary/);
  });
});
