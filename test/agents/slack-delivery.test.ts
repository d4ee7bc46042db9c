/** Messages on their way to Slack: receipts, limits, and what nobody can know. */
import type { RequestListener } from 'node:http';
import nock from '../support/outside';
import { serve } from './agents';
import { setVariables, testContext } from './context';
import { API, AT_ONCE, type Sent, hook, bot, asBot, notify, failure } from './slack';

describe('through an incoming webhook', () => {
  test('posts once and records it', async () => {
    const sent: Sent[] = [];
    hook().reply(200, (_uri, body) => (sent.push(body as Sent), 'ok'));
    const ctx = testContext();
    const result = await notify({ title: 'Done', text: 'Hello' }, ctx);
    expect(result).toMatchObject({ delivered: true, via: 'webhook', text: 'Done: Hello' });
    expect(sent).toEqual([{ text: result.text, blocks: result.blocks }]);
    expect(ctx.actions).toEqual([
      { type: 'message.sent', platform: 'slack', at: expect.any(String) as string },
    ]);
    expect(JSON.stringify([result, ctx.logs])).not.toContain('canary');
  });

  test.each<[status: number, word: string, why: RegExp]>([
    [404, 'no_service', /removed or disabled/],
    [403, 'invalid_token', /wrong or was revoked/],
    [404, 'channel_not_found', /does not exist any more/],
    [410, 'channel_is_archived', /archived/],
    [403, 'action_prohibited', /administrator/],
    [400, 'invalid_blocks', /check input\.blocks/],
    [302, '', /check that the address/],
  ])('%s %s fails and names the variable', async (status, word, why) => {
    hook().reply(status, word);
    const ctx = testContext();
    const message = await failure(ctx);
    expect(message).toMatch(new RegExp(`^SLACK_WEBHOOK_URL: nothing was posted: Slack answered ${status}`));
    expect(message).toMatch(why);
    expect(ctx.actions).toEqual([]);
  });

  test('waits as long as the rate limit asks, and posts then', async () => {
    hook().times(2).reply(429, 'rate_limited', AT_ONCE);
    hook().reply(200, 'ok');
    const ctx = testContext();
    expect(await notify(undefined, ctx)).toMatchObject({ delivered: true });
    expect([ctx.logs.length, ctx.actions.length]).toEqual([2, 1]);
  });

  test('gives up when it is asked to wait too long', async () => {
    hook().reply(429, '', { 'retry-after': '3600' });
    expect(await failure()).toMatch(/^SLACK_WEBHOOK_URL: nothing was posted: .* 3600 s; tried 1 times/);
  });

  test('tries again when no connection came about, because nothing can have arrived', async () => {
    nock.enableNetConnect('127.0.0.1');
    const closed = await serve(() => undefined);
    await closed.close();
    setVariables({ SLACK_WEBHOOK_URL: `${closed.url}canary` });
    const ctx = testContext();
    expect(await failure(ctx)).toMatch(
      /^SLACK_WEBHOOK_URL: nothing was posted: Slack could not be reached \(ECONNREFUSED\); tried 5 times/,
    );
    expect(ctx.actions).toEqual([]);
  });

  test.each<[what: string, answer: RequestListener, why: RegExp]>([
    [
      'a connection that breaks',
      (request) => void request.socket.destroy(),
      /no complete answer came \(UND_ERR_SOCKET\)/,
    ],
    [
      'half an answer',
      (request, response) =>
        void response.writeHead(200, { 'content-length': 9 }).write('o', () => request.socket.destroy()),
      /no complete answer came/,
    ],
    [
      'an answer of 500',
      (_request, response) => void response.writeHead(500).end('rollup_error'),
      /Slack answered 500/,
    ],
  ])('after %s nobody knows: says so, counts it, and does not send again', async (_what, answer, why) => {
    nock.enableNetConnect('127.0.0.1');
    let requests = 0;
    const slack = await serve((request, response) => {
      requests++;
      request.resume().once('end', () => answer(request, response));
    });
    setVariables({ SLACK_WEBHOOK_URL: `${slack.url}canary` });
    const ctx = testContext();
    const message = await failure(ctx);
    await slack.close();
    expect(message).toMatch(/^SLACK_WEBHOOK_URL: .*may or may not have arrived.*not sent again by itself/);
    expect(message).toMatch(why);
    expect(ctx.actions).toMatchObject([{ type: 'message.unconfirmed', platform: 'slack' }]);
    expect(requests).toBe(1);
  });

  test('fails on a value that is no address', async () => {
    setVariables({ SLACK_WEBHOOK_URL: 'canary' });
    expect(await failure()).toMatch(/^SLACK_WEBHOOK_URL: is not an address/);
  });
});

describe('as a bot', () => {
  beforeEach(asBot);
  const posted = { ok: true, channel: 'C0123', ts: '1503435956.000247', message: { text: 'Hello' } };

  test('posts to the channel and brings the receipt', async () => {
    const sent: Sent[] = [];
    bot().reply(200, (_uri, body) => (sent.push(body as Sent), posted));
    const permalink = 'https://example.slack.com/archives/C0123/p1503435956000247';
    nock(API)
      .get('/api/chat.getPermalink')
      .query({ channel: 'C0123', message_ts: posted.ts })
      .reply(200, { ok: true, channel: 'C0123', permalink });
    const ctx = testContext();
    const result = await notify(undefined, ctx);
    expect(result).toMatchObject({ delivered: true, via: 'bot', channel: 'C0123', ts: posted.ts, permalink });
    expect(sent).toMatchObject([{ channel: 'C0123', text: 'Hello', unfurl_links: false }]);
    expect(ctx.actions).toMatchObject([{ type: 'message.sent', platform: 'slack' }]);
    expect(JSON.stringify([result, ctx.logs])).not.toContain('canary');
  });

  test('does without a permalink', async () => {
    bot().reply(200, posted);
    nock(API).get('/api/chat.getPermalink').query(true).reply(200, { ok: false, error: 'message_not_found' });
    const result = await notify();
    expect([result.ts, result.permalink]).toEqual([posted.ts, undefined]);
  });

  test.each<[word: string, variable: string, why: RegExp]>([
    ['invalid_auth', 'SLACK_BOT_TOKEN', /does not know the token/],
    ['missing_scope', 'SLACK_BOT_TOKEN', /chat:write/],
    ['channel_not_found', 'SLACK_CHANNEL', /no such channel/],
    ['not_in_channel', 'SLACK_CHANNEL', /\/invite/],
    ['is_archived', 'SLACK_CHANNEL', /archived/],
    ['invalid_blocks', 'input.blocks', /did not accept/],
    ['some_new_error', 'SLACK_BOT_TOKEN', /docs\.slack\.dev/],
  ])('%s names %s', async (word, variable, why) => {
    bot().reply(200, { ok: false, error: word });
    const ctx = testContext();
    const message = await failure(ctx);
    expect(message.startsWith(`${variable}: nothing was posted: Slack answered ${word}: `)).toBe(true);
    expect(message).toMatch(why);
    expect(ctx.actions).toEqual([]);
  });

  test('waits for the rate limit, told by the status or in the body of a 200', async () => {
    bot().reply(429, { ok: false, error: 'ratelimited' }, AT_ONCE);
    bot().reply(200, { ok: false, error: 'ratelimited' }, AT_ONCE);
    bot().reply(200, { ok: true });
    expect(await notify()).toMatchObject({ delivered: true, via: 'bot' });
  });

  test.each([
    ['Slack’s own trouble', { ok: false, error: 'internal_error' }],
    ['an answer that is none', '<html>'],
  ])('after %s nobody knows whether it arrived', async (_what, body) => {
    bot().reply(200, body);
    const ctx = testContext();
    expect(await failure(ctx)).toMatch(/^SLACK_BOT_TOKEN: .*may or may not have arrived/);
    expect(ctx.actions).toMatchObject([{ type: 'message.unconfirmed' }]);
  });

  test('needs a channel', async () => {
    setVariables({ SLACK_CHANNEL: undefined });
    expect(await failure()).toMatch(/^SLACK_CHANNEL: is not set, and SLACK_BOT_TOKEN needs it/);
  });
});

test('without credentials it fails and names what to set; a dry run needs none', async () => {
  setVariables({ SLACK_WEBHOOK_URL: undefined });
  expect(await failure()).toMatch(/^SLACK_WEBHOOK_URL: is not set; .* SLACK_BOT_TOKEN and SLACK_CHANNEL/);
  const ctx = testContext({ dryRun: true });
  expect(await notify(undefined, ctx)).toMatchObject({ delivered: false, text: 'Hello' });
  expect(ctx.actions).toEqual([]);
});
