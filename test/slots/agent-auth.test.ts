import type { IncomingMessage } from 'node:http';
import { resolve } from 'node:path';
import { authenticate, newSecret, signToken, userOf } from '../../src/slots/agent/auth';
import { Chat } from './support/chat';
import { useInstallations } from './support/fixture';

const secret = newSecret();
const HOUR_S = 3_600;
const nowS = () => Math.floor(Date.now() / 1_000);
const from = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
  ({ headers: { host: 'app.example', ...headers }, socket: { remoteAddress } }) as unknown as IncomingMessage;

describe('a token', () => {
  it('names its user until it expires, and nobody once it was touched', () => {
    const token = signToken(secret, 'Ünal', nowS() + HOUR_S);
    expect(userOf(secret, token, Date.now())).toBe('Ünal');
    expect(userOf(secret, token, Date.now() + HOUR_S * 1_001)).toBeUndefined();
    expect(userOf(newSecret(), token, Date.now())).toBeUndefined();
    expect(userOf(secret, token.replace(/^./, 'x'), Date.now())).toBeUndefined();
    expect(userOf(secret, `${token}0`, Date.now())).toBeUndefined();
    // Nobody signs for ever.
    expect(userOf(secret, signToken(secret, 'a', nowS() + 48 * HOUR_S), Date.now())).toBeUndefined();
  });
});

describe('who is let in', () => {
  const hmac = { agent_auth: 'hmac', agent_user_header: 'x-user' } as const;
  const authorization = `Bearer ${signToken(secret, 'ada', nowS() + HOUR_S)}`;

  it('by hmac: who has a token, from this site alone', () => {
    expect(authenticate(hmac, secret, from({ authorization }))).toEqual({ user: 'ada' });
    expect(authenticate(hmac, secret, from({ authorization, origin: 'https://app.example' }))).toEqual({
      user: 'ada',
    });
    expect(
      authenticate(hmac, secret, from({ authorization, origin: 'https://evil.example' })),
    ).toHaveProperty('refused');
    expect(authenticate(hmac, secret, from({ 'x-user': 'ada' }))).toHaveProperty('refused');
  });

  it('by a trusted header: whom it names', () => {
    const trusted = { ...hmac, agent_auth: 'trusted' } as const;
    expect(authenticate(trusted, secret, from({ 'x-user': 'ada' }))).toEqual({ user: 'ada' });
    expect(authenticate(trusted, secret, from({ authorization }))).toHaveProperty('refused');
  });

  it('without any: this machine, by its own name', () => {
    const none = { ...hmac, agent_auth: 'none' } as const;
    expect(authenticate(none, secret, from({ host: 'localhost:1' }))).toEqual({ user: 'local' });
    expect(authenticate(none, secret, from({ host: 'localhost:1' }, '10.0.0.1'))).toHaveProperty('refused');
    // A name of elsewhere that leads here.
    expect(authenticate(none, secret, from({ host: 'evil.example' }))).toHaveProperty('refused');
  });
});

describe('with hmac', () => {
  const make = useInstallations();

  it('the app has the secret and signs for its users; nothing serves it', async () => {
    const app = await make({ agent_auth: 'hmac' });
    const a = app.repo.commit({ version: 'A' });
    await app.start({ AGENT_BIN: resolve('test/slots/support/agent.js') });
    await app.live(a);
    const given = (await app.internal('/env?key=AGENT_AUTH_SECRET'))['value'] as string;
    expect(given).toMatch(/^[0-9a-f]{64}$/);
    const signed = new Chat(app, { authorization: `Bearer ${signToken(given, 'ada', nowS() + HOUR_S)}` });
    const stranger = new Chat(app);
    expect((await stranger.ask('GET', '/agent/conversations')).status).toBe(401);
    const id = await signed.create();
    expect((await stranger.send(id, {})).status).toBe(401);
    const events = await signed.work(id, { env: true });
    expect(events[0]?.data).toMatchObject({ by: 'ada' });
    const served = [events, await app.status(), await signed.ask('GET', '/agent/conversations')];
    expect(JSON.stringify(served)).not.toContain(given);
    expect(app.process?.output()).not.toContain(given);
    expect((await signed.ask('GET', '/agent/conversations/..%2f..%2fx')).status).toBe(404);
    expect(
      (await signed.ask('POST', '/agent/conversations', {}, { 'content-type': 'text/plain' })).status,
    ).toBe(415);
  });
});
