import { createHmac, randomUUID } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { request } from 'undici';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { useInstallations, type Installation } from './support/fixture';

const SECRET = 'webhook-canary';
const TOKEN = 'token-canary';

describe('GitHub', () => {
  const make = useInstallations();
  let app: Installation;
  let api: WebhookReceiver;
  let a = '';
  let tip = '';
  /** What the API has answered to deployments, newest last. */
  const failures: number[] = [];

  beforeAll(async () => {
    api = await startWebhookReceiver();
    api.answerWith(({ path }) => {
      const failure = failures.shift();
      if (failure !== undefined) return { status: failure };
      return { status: 201, body: path.endsWith('/statuses') ? {} : { id: 7 } };
    });
    app = await make({
      github: { repository: 'owner/app', api_url: new URL(api.url).origin, webhook_path: '/_hooks/github' },
    });
    a = app.repo.commit({ version: 'A' });
    const remote = join(app.folder, 'remote.git');
    execFileSync('git', ['clone', '--quiet', '--bare', app.repo.folder, remote]);
    app.repo.git('remote', 'add', 'origin', remote);
    await app.start({ GITHUB_TOKEN: TOKEN, GITHUB_WEBHOOK_SECRET: SECRET });
    await app.live(a);
  });
  afterAll(() => api.close());

  const push = (fields: Record<string, unknown> = {}) =>
    JSON.stringify({ ref: 'refs/heads/main', repository: { full_name: 'Owner/app' }, ...fields });
  const deliver = async (
    body: string,
    {
      id = String(randomUUID()),
      signed = body,
      event = 'push',
      port = app.ports.api,
      path = '/github/webhook',
    } = {},
  ) => {
    const { statusCode, body: answer } = await request(`http://127.0.0.1:${port}${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-github-event': event,
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(signed).digest('hex')}`,
        // As it comes through a tunnel.
        host: 'hooks.example.com',
      },
      body,
    });
    return { status: statusCode, body: (await answer.json()) as Record<string, unknown> };
  };
  /** A commit that only the remote has. */
  const pushed = (version: string) => {
    if (tip !== '') app.repo.git('reset', '--quiet', '--hard', tip);
    const commit = app.repo.commit({ version });
    app.repo.git('push', '--quiet', 'origin', 'main');
    app.repo.git('reset', '--quiet', '--hard', a);
    app.repo.git('update-ref', 'refs/remotes/origin/main', a);
    tip = commit;
    return commit;
  };
  const isLive = (commit: string) =>
    until(async () => (await app.status()).live_commit === commit && (await app.status()).current === null, {
      what: `${commit} live`,
      deadlineMs: 20_000,
    });

  it('hears which commit is live, tries again, and its token shows nowhere', async () => {
    expect((await api.next()).body).toMatchObject({
      ref: a,
      environment: 'production',
      required_contexts: [],
    });
    const status = await api.next();
    expect(status.path).toBe('/repos/owner/app/deployments/7/statuses');
    expect(status.body).toMatchObject({ state: 'success' });
    expect(status.headers.authorization).toBe(`Bearer ${TOKEN}`);
    failures.push(502);
    const b = app.repo.commit({ version: 'B' });
    await app.live(b);
    expect((await api.next()).body).toMatchObject({ ref: b }); // This one was answered 502.
    expect((await api.next()).body).toMatchObject({ ref: b });
    expect((await api.next()).path).toMatch(/statuses$/);
    failures.push(403);
    await app.call('POST', '/rollback');
    expect((await api.next()).body).toMatchObject({ ref: a });
    await app.process?.waitFor(/GitHub did not take POST .*: it answered 403/);
    expect(app.process?.output()).not.toContain(TOKEN);
    expect(JSON.stringify(await app.status())).not.toContain(TOKEN);
    app.repo.git('reset', '--quiet', '--hard', a);
  });

  it('is believed only where it signed the very bytes', async () => {
    const body = push();
    expect(await deliver(body, { signed: `${body} ` })).toMatchObject({ status: 401 });
    expect(await deliver(body, { id: '' })).toMatchObject({ status: 400 });
    const unsigned = await app.call('POST', '/github/webhook', {});
    expect(unsigned.status).toBe(401);
    expect((await app.status()).live_commit).toBe(a);
  });

  it('deploys a push to main once, and nothing else that is delivered', async () => {
    const c = pushed('C');
    expect((await deliver(push(), { event: 'ping' })).body).toEqual({ ignored: true });
    expect((await deliver(push({ ref: 'refs/heads/other' }))).body).toEqual({ ignored: true });
    expect((await deliver(push({ repository: { full_name: 'other/app' } }))).body).toEqual({ ignored: true });
    expect((await deliver('no json')).body).toEqual({ ignored: true });
    const id = randomUUID();
    expect((await deliver(push(), { id })).status).toBe(202);
    await isLive(c);
    expect(await app.get()).toBe('C');
    expect((await app.status()).recent_deploys[0]).toMatchObject({ trigger: 'webhook', branch: 'main' });
    expect((await deliver(push(), { id })).body).toEqual({ duplicate: true });
  });

  it('may deliver to a path of the app, and a second push waits for the first', async () => {
    const port = app.ports.app;
    pushed('D');
    const first = await deliver(push(), { port, path: '/_hooks/github' });
    const e = pushed('E');
    expect([first.status, (await deliver(push(), { port, path: '/_hooks/github' })).status]).toEqual([
      202, 202,
    ]);
    await isLive(e);
    expect(await app.get('/_hooks/other')).toBe('E');
  });

  it('that stayed silent is made up for by a reconciliation, but not against a rollback', async () => {
    const f = pushed('F');
    expect((await app.call('POST', '/reconcile')).body).toMatchObject({
      findings: [{ kind: 'main-ahead', detail: 'main is 1 commits ahead of what is live' }],
      deployed: f,
    });
    expect((await app.status()).recent_deploys[0]).toMatchObject({ trigger: 'reconcile', commit: f });
    await app.call('POST', '/rollback');
    expect((await app.call('POST', '/reconcile')).body).not.toHaveProperty('deployed');
    expect((await app.status()).live_commit).not.toBe(f);
  });
});
