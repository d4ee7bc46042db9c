import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { until } from '../support/until';
import { Chat } from './support/chat';
import { useInstallations, type Installation } from './support/fixture';

const AGENT_BIN = resolve('test/slots/support/agent.js');
const ENV = { AGENT_BIN, MODEL_KEY: 'model-canary', INJECTED: 'secret-canary', GITHUB_TOKEN: 'token-canary' };

describe('the agent', () => {
  const make = useInstallations();
  let app: Installation;
  let chat: Chat;
  let a = '';

  beforeAll(async () => {
    app = await make({
      agent_env: ['MODEL_KEY'],
      secrets_inject: ['INJECTED'],
      protected_paths: ['start.sh'],
    });
    a = app.repo.commit({ version: 'A', files: { 'shared.txt': 'base\n' } });
    await app.start(ENV);
    await app.live(a);
    chat = new Chat(app);
  });

  it('works in slot-staging, and what it leaves is committed and live', async () => {
    const id = await chat.create();
    const events = await chat.work(id, { write: { 'behaviour.json': '{"version":"by the agent"}' } });
    expect(events.map(({ id: n }) => n)).toEqual(events.map((_, i) => i + 1));
    expect(events[0]).toMatchObject({ type: 'message', data: { by: 'local', conflicts: [] } });
    expect(events.find(({ data }) => data.type === 'text')?.data).toEqual({ type: 'text', text: 'no json' });
    expect(events.at(-1)).toMatchObject({ type: 'end', data: { status: 'done', deployed: true } });
    expect(await app.get()).toBe('by the agent');
    const commit = app.repo.git('rev-parse', 'machine');
    expect((await app.status()).recent_deploys[0]).toMatchObject({
      trigger: 'agent',
      branch: 'machine',
      commit,
    });
    // It goes on from there, and remembers.
    const more = await chat.work(id, {});
    const inits = more.filter(({ data }) => data.type === 'system').map(({ data }) => data['args']);
    expect(inits[1]).toEqual([...(inits[0] as string[]), '--resume', 'session-1']);
    expect(more.at(-1)?.data).toMatchObject({ status: 'done', deployed: false });
    const rest = await chat.until(id, ({ type }) => type === 'end', events.length);
    expect(rest[0]?.id).toBe(events.length + 1);
  });

  it('sees nothing of the controller, and reaches neither its API nor the internal port', async () => {
    const { api, internal, app: port } = app.ports;
    const id = await chat.create();
    const events = await chat.work(id, {
      env: true,
      probe: [
        { url: `http://127.0.0.1:${api}/status` },
        { url: `http://127.0.0.1:${api}/rollback`, method: 'POST' },
        { url: `http://127.0.0.1:${internal}/healthz` },
        { url: `http://127.0.0.1:${port}/agent/conversations` },
        { url: `http://127.0.0.1:${port}/` },
      ],
    });
    const seen = events.filter(({ data }) => data.type === 'probed').map(({ data }) => data['seen']);
    expect(seen).toEqual([403, 403, 'no answer', 403, 200]);
    const { env, cwd } = events.find(({ data }) => data.type === 'env')?.data as unknown as {
      env: Record<string, string>;
      cwd: string;
    };
    expect(cwd).toBe(join(app.data, 'slot-staging'));
    expect(env['MODEL_KEY']).toBe('model-canary');
    expect(env['HOME']).toBe(join(app.data, 'agent', 'home'));
    expect(JSON.stringify(env)).not.toMatch(/secret-canary|token-canary|REVEILLE_SLOTS|SLOT_MACHINE/);
    expect(await app.internal('/healthz').catch(() => 'answered')).toBeDefined();
  });

  it('is stopped by the gate like anybody, and hears why', async () => {
    const id = await chat.create();
    const before = (await app.status()).live_commit;
    const events = await chat.work(id, { write: { 'start.sh': 'echo mine' } });
    expect(events.at(-1)?.data).toMatchObject({ status: 'failed', deployed: false });
    expect(events.at(-1)?.data['detail']).toMatch(/gate.*protected_paths has "start.sh"/);
    expect((await app.status()).live_commit).toBe(before);
    // The intent is in the branch; it takes it back itself.
    expect(app.repo.git('rev-parse', 'machine^')).toBe(before);
    await chat.work(id, { write: { 'start.sh': '#!/bin/sh\nexec node app.js\n' } });
  });

  it('does one task at a time, survives a swap and the controller itself, and can be cancelled', async () => {
    const id = await chat.create();
    const file = join(app.folder, 'go');
    expect((await chat.send(id, { waitFor: file, write: { 'more.txt': 'x' } })).status).toBe(202);
    await chat.until(id, ({ data }) => data.type === 'waiting');
    expect((await chat.send(id, {})).status).toBe(409);
    await app.live(app.repo.commit({ version: 'by the agent', files: { 'people.txt': 'p' } }));
    await app.stop();
    await app.start(ENV);
    expect((await chat.ask('GET', `/agent/conversations/${id}`)).body).toMatchObject({ running: true });
    writeFileSync(file, '');
    const events = await chat.until(id, ({ type }) => type === 'end');
    expect(events.at(-1)?.data).toMatchObject({ status: 'done', deployed: true });
    await until(async () => (await chat.ask('GET', '/agent/conversations')).body['running'] === null);
    await chat.send(id, { waitFor: join(app.folder, 'never') });
    await chat.until(id, ({ data }) => data.type === 'waiting', events.length);
    expect((await chat.ask('POST', `/agent/conversations/${id}/cancel`)).status).toBe(202);
    const end = await chat.until(id, ({ type }) => type === 'end', events.length);
    expect(end.at(-1)?.data).toMatchObject({ status: 'cancelled' });
    expect((await chat.ask('POST', `/agent/conversations/${id}/cancel`)).status).toBe(409);
  });

  it('is told of conflicts with main', async () => {
    const id = await chat.create();
    await chat.work(id, { write: { 'shared.txt': 'machine\n' } });
    app.repo.commit({ version: 'by the agent', files: { 'shared.txt': 'people\n' } });
    // What it leaves unsolved is not committed, and is told again.
    await chat.work(id, {});
    const events = await chat.work(id, { write: { 'shared.txt': 'both\n' } });
    const messages = events.filter(({ type }) => type === 'message').map(({ data }) => data['conflicts']);
    expect(messages).toEqual([[], ['shared.txt'], ['shared.txt']]);
    const ends = events.filter(({ type }) => type === 'end').map(({ data }) => data);
    expect(ends[1]?.['status']).toBe('failed');
    expect(ends[1]?.['detail']).toMatch(/^shared\.txt still has/);
    expect(ends[2]).toMatchObject({ status: 'done', deployed: true });
    await app.process?.waitFor(/main conflicts with the agent's work in shared\.txt/);
  });

  it('its page comes with a strict policy and asks nobody else', async () => {
    const answer = await fetch(`http://127.0.0.1:${app.ports.app}/chat`);
    expect(answer.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*frame-ancestors 'none'/,
    );
    const html = await answer.text();
    expect(html).not.toMatch(/https?:|style=|onclick|<script>/);
    const script = await (await fetch(`http://127.0.0.1:${app.ports.app}/chat/chat.js`)).text();
    expect(script).not.toMatch(/innerHTML|eval\(|https?:\/\//);
    expect((await fetch(`http://127.0.0.1:${app.ports.app}/chat/other`)).status).toBe(404);
  });
});
