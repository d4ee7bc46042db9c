import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parse } from 'dotenv';
import { GROUPS, loadConfig, Secret, VARIABLES, type Config, type Env, type Variable } from '../src/config';
import { agentVariables, loadRegistry, registry } from '../src/registry';

const read = (path: string) => readFileSync(join(__dirname, '..', path), 'utf8');
const CANARY = 'canary-value-that-must-never-be-shown';

function configOf(env: Env): Config {
  const loaded = loadConfig(env);
  if (!loaded.ok) throw new Error(loaded.problems.map((p) => `${p.place}: ${p.problem}`).join('\n'));
  return loaded.config;
}

/** Names of the variables with a problem, in alphabetical order. */
function placesOf(env: Env): string[] {
  const loaded = loadConfig(env);
  return loaded.ok ? [] : loaded.problems.map((problem) => problem.place).sort();
}

const production: Env = {
  NODE_ENV: 'production',
  DATABASE_URL: 'postgres://u:p@db:5432/reveille',
  PUBLIC_URL: 'https://reveille.example.com/',
  API_KEYS: 'a-random-key-of-some-length',
  CC_API_URL: 'https://api.example.com/',
  CC_API_TOKEN: 'token',
};

describe('development', () => {
  it('needs nothing, listens on this machine only and says so', () => {
    expect(configOf({})).toEqual({
      environment: 'development',
      role: 'all',
      engineEnabled: true,
      logLevel: 'info',
      notify: { rules: [] },
      shutdownTimeoutSeconds: 25,
      sweepIntervalMs: 2_000,
      http: {
        host: '127.0.0.1',
        port: 3_000,
        publicUrl: 'http://localhost:3000',
        publicUrlIsDefault: true,
        apiKeys: [],
        trustedProxies: 0,
        webhookMaxBytes: 5_242_880,
        inbox: true,
      },
      storage: { dataDir: '.reveille', retentionDays: 7 },
      audit: { entries: 1_000, minutes: 15 },
      budgets: { zone: 'UTC' },
      oversight: { confidence: 0.8, spendUsd: 10 },
    });
  });

  it('takes a blank variable for unset', () => {
    expect(configOf({ PORT: ' ', DATABASE_URL: '', API_KEYS: '  ' })).toEqual(configOf({}));
  });

  it('listens everywhere with a key, and refuses to without', () => {
    expect(configOf({ API_KEYS: 'a-random-key-of-some-length' }).http.host).toBe('0.0.0.0');
    expect(configOf({ HOST: '::1' }).http.host).toBe('::1');
    expect(placesOf({ HOST: '0.0.0.0' })).toEqual(['API_KEYS']);
  });

  it('builds the public URL from the port and takes the slash off a given one', () => {
    expect(configOf({ PORT: '8080' }).http.publicUrl).toBe('http://localhost:8080');
    const { publicUrl, publicUrlIsDefault } = configOf({ PUBLIC_URL: 'https://x.example/base/' }).http;
    expect([publicUrl, publicUrlIsDefault]).toEqual(['https://x.example/base', false]);
  });
});

describe('production', () => {
  it('lists everything that is missing at once', () => {
    const loaded = loadConfig({ NODE_ENV: 'production' });
    expect(placesOf({ NODE_ENV: 'production' })).toEqual([
      'API_KEYS',
      'CC_API_TOKEN',
      'CC_API_URL',
      'DATABASE_URL',
      'PUBLIC_URL',
    ]);
    expect(loaded.ok ? [] : loaded.problems.filter((p) => p.mend === '')).toEqual([]);
  });

  it('starts with what it needs', () => {
    expect(configOf(production)).toMatchObject({
      http: { host: '0.0.0.0', publicUrl: 'https://reveille.example.com' },
      codeCapsules: { dialect: 'capsule', apiUrl: 'https://api.example.com' },
    });
  });

  it('needs no API key in a worker', () => {
    expect(placesOf({ ...production, API_KEYS: '', ROLE: 'worker' })).toEqual([]);
    expect(placesOf({ ...production, API_KEYS: '', ROLE: 'web' })).toEqual(['API_KEYS']);
  });
});

describe('the inbox', () => {
  it.each([
    [{}, true],
    [{ INBOX: 'off' }, false],
    [{ NODE_ENV: 'test' }, false],
    [{ NODE_ENV: 'test', INBOX: 'on' }, true],
    [production, false],
    [{ ...production, INBOX: 'on' }, true],
  ])('%#: is on in development, and elsewhere when asked for', (env: Env, on) => {
    expect(configOf(env).http.inbox).toBe(on);
  });
});

describe('Code Capsules', () => {
  const login: Env = {
    CC_API_DIALECT: 'products',
    CC_CLUSTER_URL: 'https://cluster.example.com',
    CC_AUTH_URL: 'https://auth.example.com',
    CC_EMAIL: 'a@example.com',
    CC_PASSWORD: 'p',
    CC_API_KEY: 'k',
  };

  it('logs in when there is no token', () => {
    const { codeCapsules } = configOf(login);
    expect(codeCapsules).toMatchObject({
      dialect: 'products',
      credentials: { kind: 'login', email: 'a@example.com' },
    });
  });

  it('prefers the token', () => {
    expect(configOf({ ...login, CC_API_TOKEN: 't' }).codeCapsules?.credentials.kind).toBe('token');
  });

  it.each(['CC_AUTH_URL', 'CC_EMAIL', 'CC_PASSWORD', 'CC_API_KEY', 'CC_CLUSTER_URL'])('misses %s', (name) => {
    expect(placesOf({ ...login, [name]: undefined })).toEqual([name]);
  });

  it('sends credentials over https, or within this machine', () => {
    expect(placesOf({ CC_API_URL: 'http://api.example.com', CC_API_TOKEN: 't' })).toEqual(['CC_API_URL']);
    expect(placesOf({ CC_API_URL: 'http://127.0.0.1:4000', CC_API_TOKEN: 't' })).toEqual([]);
  });
});

describe('values', () => {
  it.each([
    ['NODE_ENV', 'prod'],
    ['ROLE', 'both'],
    ['LOG_LEVEL', 'loud'],
    ['PORT', '65536'],
    ['PORT', '-1'],
    ['PORT', '80a'],
    ['PORT', '1e3'],
    ['PUBLIC_URL', 'reveille.example.com'],
    ['PUBLIC_URL', 'ftp://reveille.example.com'],
    ['PUBLIC_URL', 'https://user:pw@reveille.example.com'],
    ['PUBLIC_URL', 'https://reveille.example.com/?a=1'],
    ['DATABASE_URL', 'mysql://db/reveille'],
    ['REDIS_URL', 'localhost:6379'],
    ['API_KEYS', 'short'],
    ['API_KEYS', 'sha256:abc'],
    ['API_KEYS', ','],
    ['CALLBACK_SECRET', 'x'.repeat(31)],
    ['SWEEP_INTERVAL_MS', '5001'],
    ['SHUTDOWN_TIMEOUT_SECONDS', '0'],
    ['WEBHOOK_MAX_BYTES', '0'],
    ['RUN_RETENTION_DAYS', '0'],
    ['INBOX', 'yes'],
    ['TRUSTED_PROXIES', '11'],
  ])('%s does not take "%s"', (name, value) => expect(placesOf({ [name]: value })).toEqual([name]));

  it('reads API keys as hashes, whether given as such or not', () => {
    const hash = 'sha256:88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589';
    expect(
      configOf({ API_KEYS: `abcdabcdabcdabcdabcdabcd, ${hash.toUpperCase().replace('SHA256', 'sha256')}` })
        .http.apiKeys,
    ).toEqual([`sha256:${createHash('sha256').update('abcdabcdabcdabcdabcdabcd').digest('hex')}`, hash]);
  });

  it('lists every wrong value at once', () => {
    expect(placesOf({ PORT: 'x', ROLE: 'x', DATABASE_URL: 'x' })).toEqual(['DATABASE_URL', 'PORT', 'ROLE']);
  });
});

describe('secrets', () => {
  it('are never printed, however they are shown', () => {
    const secret = new Secret(CANARY);
    const shown = [
      JSON.stringify({ secret }),
      inspect({ secret }, { depth: 9, showHidden: true }),
      String(secret),
    ];
    for (const text of shown) {
      expect(text).not.toContain(CANARY);
      expect(text).toContain('«redacted»');
    }
    expect(Object.values(secret)).toEqual([]);
    expect(secret.reveal()).toBe(CANARY);
  });

  it('stay hidden in a configuration and in the problems with it', () => {
    const names = Object.entries<Variable>(VARIABLES)
      .filter(([, v]) => v.secret)
      .map(([name]) => name);
    const wrong = loadConfig({
      NODE_ENV: 'x',
      ...Object.fromEntries(names.map((name) => [name, CANARY.slice(0, 20)])),
    });
    expect(wrong.ok).toBe(false);
    expect(JSON.stringify(wrong)).not.toContain(CANARY.slice(0, 20));
    const config = configOf({
      ...production,
      DATABASE_URL: `postgres://u:${CANARY}@db/x`,
      REDIS_URL: `redis://:${CANARY}@redis`,
      API_KEYS: CANARY,
      CALLBACK_SECRET: CANARY,
      CC_API_TOKEN: CANARY,
    });
    expect(`${JSON.stringify(config)}${inspect(config, { depth: 9 })}`).not.toContain(CANARY);
    expect(config.storage.databaseUrl?.reveal()).toContain(CANARY);
  });
});

describe('messages to people', () => {
  it('names a channel whole or not at all', () => {
    expect(placesOf({ NOTIFY_TELEGRAM_TOKEN: CANARY })).toEqual(['NOTIFY_TELEGRAM_CHAT']);
    expect(placesOf({ NOTIFY_SMTP_URL: 'smtp://mail', NOTIFY_EMAIL_TO: 'a@b.example' })).toEqual([
      'NOTIFY_EMAIL_FROM',
    ]);
    expect(placesOf({ NOTIFY_WEBHOOK_SECRET: 'short' })).toEqual([
      'NOTIFY_WEBHOOK_SECRET',
      'NOTIFY_WEBHOOK_URL',
    ]);
    expect(placesOf({ NOTIFY_ROUTES: 'pager=*' })).toEqual(['NOTIFY_ROUTES']);
    const { notify } = configOf({
      NOTIFY_SMTP_URL: `smtps://me:${CANARY}@mail.example`,
      NOTIFY_EMAIL_FROM: 'Reveille <reveille@b.example>',
      NOTIFY_EMAIL_TO: 'a@b.example, c@b.example',
      NOTIFY_ROUTES: 'email=error,missed-tick; slack=*',
    });
    expect(notify).toMatchObject({
      email: { from: 'Reveille <reveille@b.example>', to: ['a@b.example', 'c@b.example'] },
      rules: [
        { channel: 'email', words: ['error', 'missed-tick'] },
        { channel: 'slack', words: ['*'] },
      ],
    });
    expect(JSON.stringify(notify) + inspect(notify)).not.toContain(CANARY);
  });
});

describe('login with OpenID Connect', () => {
  const whole = {
    ...{ OIDC_ISSUER: 'https://id.example/', OIDC_CLIENT_ID: 'reveille', OIDC_CLIENT_SECRET: CANARY },
    ...{ OIDC_ADMINS: 'Anna@Example.com, ops', PUBLIC_URL: 'https://reveille.example' },
  };

  it('takes the issuer to the letter, and addresses without regard to case', () => {
    const { oidc } = configOf(whole);
    expect(oidc).toMatchObject({
      ...{ issuer: 'https://id.example/', request: 'openid profile email', groupsClaim: 'groups' },
      access: { viewer: [], operator: [], approver: [], admin: ['anna@example.com', 'ops'] },
    });
    expect(JSON.stringify(oidc) + inspect(oidc)).not.toContain(CANARY);
    expect(configOf({})).not.toHaveProperty('oidc');
  });

  it.each([
    [{ OIDC_ISSUER: 'http://id.example' }, ['OIDC_ISSUER']],
    [{ OIDC_ISSUER: 'https://user:pass@id.example' }, ['OIDC_ISSUER']],
    [{ OIDC_ISSUER: '' }, ['OIDC_ISSUER']],
    [{ OIDC_CLIENT_ID: '' }, ['OIDC_CLIENT_ID']],
    [{ OIDC_ADMINS: '' }, ['OIDC_ADMINS']],
    [{ OIDC_ADMINS: 'a,,b' }, ['OIDC_ADMINS']],
    [{ OIDC_REQUEST: 'email' }, ['OIDC_REQUEST']],
    [{ PUBLIC_URL: '' }, ['PUBLIC_URL']],
  ])('%#: is whole or an error', (change: Env, places) => {
    expect(placesOf({ ...whole, ...change })).toEqual(places);
  });
});

describe('what is written about the variables', () => {
  const example = parse(read('.env.example'));
  const doc = read('docs/configuration.md');

  /** Every variable the registry reads itself or through its agents. */
  function registryVariables(): string[] {
    const names = new Set<string>();
    const env: Env = new Proxy({}, { get: (_, name) => void names.add(String(name)) });
    const { agents } = registry(env);
    for (const { id } of agents) for (const name of Object.values(agentVariables(id))) names.add(name);
    return [...names];
  }

  it('.env.example has every variable, and no other', () => {
    expect(Object.keys(example).sort()).toEqual([...Object.keys(VARIABLES), ...registryVariables()].sort());
  });

  it('.env.example works as it is, and changes no default', () => {
    expect(configOf(example)).toEqual(configOf({}));
    const capsules = Object.keys(example).filter((name) => name.startsWith('CC_CAPSULE_ID_'));
    const filled = { ...example, ...Object.fromEntries(capsules.map((name) => [name, name])) };
    const bare = Object.fromEntries(capsules.map((name) => [name, name]));
    const loaded = loadRegistry(registry(filled), filled);
    expect(JSON.stringify(loaded)).toBe(JSON.stringify(loadRegistry(registry(bare), bare)));
    expect(loaded.ok).toBe(true);
  });

  it('docs/configuration.md says of each variable what the code says', () => {
    for (const [group, title] of Object.entries(GROUPS)) {
      const expected = Object.entries<Variable>(VARIABLES)
        .filter(([, variable]) => variable.group === group)
        .map(([name, variable]) => lineOf(name, variable));
      const section = doc.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
      expect(section.split('\n').filter((line) => line !== '')).toEqual(expected);
    }
  });

  it('docs/configuration.md names the variables of agents and of this registry', () => {
    for (const name of registryVariables().filter((n) => !n.startsWith('CC_')))
      expect(doc).toContain(`**\`${name}\`**`);
    for (const name of Object.values(agentVariables(''))) expect(doc).toContain(`**\`${name}<ID>\`**`);
  });

  function lineOf(name: string, { fallback, about, accepts, secret }: Variable): string {
    const preset = fallback === undefined ? '' : ` = \`${fallback}\``;
    return `- **\`${name}\`**${preset}: ${about} Accepts ${accepts}.${secret ? ' Secret.' : ''}`;
  }
});
