import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { until } from '../support/until';
import { useInstallations, type Installation } from './support/fixture';

describe('a warm previous slot', () => {
  const make = useInstallations();
  let app: Installation;
  let receiver: WebhookReceiver;
  let schema = '';
  let a = '';
  let b = '';

  beforeAll(async () => {
    receiver = await startWebhookReceiver();
    app = await make({
      schema_status_endpoint: '/schema/status',
      env_file: 'app.env',
      secrets_inject: ['INJECTED'],
      alert_webhook: `${receiver.url}?token=planted-canary`,
      health_test_payload: { method: 'POST', path: '/echo', body: { ping: 1 }, expect_status: 200 },
      smoke_test: 'smoke.sh',
      drain_timeout_ms: 700,
    });
    schema = join(app.folder, 'schema');
    writeFileSync(schema, '5');
    writeFileSync(join(app.folder, 'app.env'), `SCHEMA_FILE=${schema}\nFROM_FILE=given\n`);
    a = app.repo.commit({ version: 'A', schema: [1, 5], handlesQuiet: true });
    b = app.repo.commit({ version: 'B', schema: [4, 6] });
    await app.start({ INJECTED: 'injected', OTHER_SECRET: 'not for the app' });
    await app.live(a);
    await app.live(b);
  });
  afterAll(() => receiver.close());

  const behind = async (path: string) => {
    const slot = (await app.status()).slots.find((s) => s.role === 'previous');
    const { body } = await request(
      `http://127.0.0.1:${path === '/quiet' ? slot?.internal_port : slot?.port}${path}`,
    );
    return (await body.json()) as Record<string, unknown>;
  };
  const rollback = () => app.call('POST', '/rollback');

  it('gives the app its ports, the env file, the named secrets, and no other', async () => {
    const value = async (key: string) => (await app.internal(`/env?key=${key}`))['value'];
    expect(await value('SLOT_MACHINE')).toBe('1');
    expect(await value('FROM_FILE')).toBe('given');
    expect(await value('INJECTED')).toBe('injected');
    expect(await value('OTHER_SECRET')).toBeNull();
    expect(Number(await value('PORT'))).not.toBe(app.ports.app);
    expect(Number(await value('INTERNAL_PORT'))).not.toBe(app.ports.internal);
    expect((await app.internal('/env?key=PORT'))['cwd']).toBe(join(app.data, `slot-${b.slice(0, 8)}`));
  });

  it('runs out of traffic, told to be quiet, and is back without a boot', async () => {
    await until(async () => (await behind('/quiet'))['quiet'] === true, { what: 'quiet' });
    expect(app.appGroups()).toHaveLength(2);
    const { body } = await rollback();
    expect(await app.get()).toBe('A');
    expect(body).toMatchObject({ success: true, warm: true, slot: `slot-${a.slice(0, 8)}`, commit: a });
    await until(async () => (await app.internal('/quiet'))['quiet'] === false, { what: 'work again' });
    expect({ live: app.link('live'), prev: app.link('prev') }).toEqual({
      live: `slot-${a.slice(0, 8)}`,
      prev: `slot-${b.slice(0, 8)}`,
    });
  });

  it('is not sent a signal that it does not handle, which would end it', async () => {
    // B is behind now, and has no handler for SIGUSR2.
    expect(await behind('/state')).toMatchObject({ quiet: false });
    expect((await rollback()).body).toMatchObject({ warm: true, commit: b });
  });

  it('does not take over where the schema has left it behind', async () => {
    writeFileSync(schema, '6');
    const refused = await rollback();
    expect(refused).toMatchObject({ status: 409, body: { success: false, stage: 'schema' } });
    expect(refused.body.error).toMatch(/at schema 6; this commit works with 1 to 5/);
    expect(await app.get()).toBe('B');
    writeFileSync(schema, '5');
    const young = app.repo.commit({ version: 'D', schema: [7, 9] });
    expect(await app.deploy(young)).toMatchObject({ status: 409, body: { stage: 'schema' } });
    expect(await app.status()).toMatchObject({ live_commit: b, previous_commit: a, healthy: true });
  });

  it('is booted again where it is no longer well', async () => {
    const slot = (await app.status()).slots.find((s) => s.role === 'previous');
    await request(`http://127.0.0.1:${slot?.internal_port}/control/sick`);
    expect((await rollback()).body).toMatchObject({ success: true, warm: false, commit: a });
    expect(await app.get()).toBe('A');
    expect((await rollback()).body).toMatchObject({ warm: true, commit: b });
  });

  it('stays behind a deployment whose synthetic request or smoke test fails, and people hear of it', async () => {
    const smoke = app.repo.commit({
      version: 'E',
      schema: [1, 9],
      files: { 'smoke.sh': '#!/bin/sh\nexit 7\n' },
    });
    const answer = await app.deploy(smoke);
    expect(answer).toMatchObject({ status: 500, body: { stage: 'probe' } });
    expect(answer.body.error).toMatch(/smoke test smoke\.sh ended with code 7/);
    const { body } = await receiver.next();
    expect((body as { text: string }).text).toMatch(new RegExp(`deploy of ${smoke} ended at probe`));
    expect(app.process?.output()).not.toContain('planted-canary');
    expect(app.appGroups()).toHaveLength(2);
  });

  it('goes with its whole group, however deaf, when a third slot comes', async () => {
    const deaf = app.repo.commit({
      version: 'F',
      schema: [1, 9],
      ignoresTerm: true,
      child: true,
      files: { 'smoke.sh': null, 'start.sh': "#!/bin/sh\ntrap '' TERM\nnode app.js\n" },
    });
    await app.live(deaf);
    await app.live(a);
    expect(app.appGroups()).toHaveLength(2);
    await app.live(b);
    expect(app.appGroups()).toHaveLength(2);
    expect(app.slotFolders()).not.toContain(`slot-${deaf.slice(0, 8)}`);
  });
});
