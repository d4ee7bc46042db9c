/**
 * Against Slack's published answers: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
 * https://docs.slack.dev/reference/methods/chat.postMessage and https://docs.slack.dev/apis/web-api/rate-limits
 */
import type { RequestListener } from 'node:http';
import nock, { useOutside } from '../support/outside';
import { input, output, run } from '../../agents/slack-notifier/src/jobs/slack-notifier';
import { split } from '../../agents/slack-notifier/src/jobs/slack/fit';
import * as analyser from '../../agents/seo-analyser/src/jobs/seo-analyser';
import { serve } from './agents';
import { setVariables, testContext, type TestContext } from './context';

const HOOK = 'https://hooks.slack.com/services/T000/B000/canary-9f3e';
const TOKEN = 'xoxb-canary-77aa';
const { origin, pathname } = new URL(HOOK);
const API = 'https://slack.com';
const AT_ONCE = { 'retry-after': '0' };
const EVIL = '<!channel> & <https://evil.example|click> `x` *b* _i_ ~s~';

useOutside();
let restore: () => void;
beforeEach(() => {
  restore = setVariables({
    SLACK_WEBHOOK_URL: HOOK,
    SLACK_BOT_TOKEN: undefined,
    SLACK_CHANNEL: undefined,
    SLACK_API_URL: undefined,
    ANTHROPIC_API_KEY: undefined,
  });
});
afterEach(() => restore());

interface Sent {
  channel?: string;
  text: string;
  blocks: { type: string; text?: { type: string; text: string }; elements?: { text: string }[] }[];
}

const hook = () => nock(origin).post(pathname);
const bot = () =>
  nock(API, { reqheaders: { authorization: `Bearer ${TOKEN}` } }).post('/api/chat.postMessage');
const asBot = () => void setVariables({ SLACK_BOT_TOKEN: TOKEN, SLACK_CHANNEL: 'C0123' });

async function notify(given: object = { text: 'Hello' }, ctx: TestContext = testContext()) {
  return output.parse(await run(input.parse(given), ctx));
}

/** The message as it would be posted. */
async function rendered(given: object): Promise<Sent> {
  const { text, blocks, delivered } = await notify(given, testContext({ dryRun: true }));
  expect(delivered).toBe(false);
  return { text, blocks: blocks as unknown as Sent['blocks'] };
}

async function failure(ctx: TestContext = testContext(), given: object = { text: 'Hello' }): Promise<string> {
  const outcome = await run(input.parse(given), ctx).catch((error: Error) => error);
  if (!(outcome instanceof Error)) throw new Error('it did not fail');
  expect(JSON.stringify([outcome.message, ctx.logs, ctx.actions])).not.toContain('canary');
  return outcome.message;
}

describe('a message', () => {
  test('is a header, the text, and the blocks that were given', async () => {
    const divider = { type: 'divider' };
    expect(await rendered({ title: 'Done & dusted', text: 'All *well*', blocks: [divider] })).toEqual({
      text: 'Done &amp; dusted: All *well*',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: 'Done & dusted', emoji: false } },
        { type: 'section', text: { type: 'mrkdwn', text: 'All *well*' } },
        divider,
      ],
    });
  });

  test('calls nobody by what a text says, and links nowhere', async () => {
    const { blocks, text } = await rendered({ text: EVIL });
    for (const shown of [text, blocks[0]?.text?.text])
      expect(shown).toBe('&lt;!channel&gt; &amp; &lt;https://evil.example|click&gt; `x` *b* _i_ ~s~');
  });

  test('is cut to what Slack takes', async () => {
    const long = 'word '.repeat(2000);
    const { blocks, text } = await rendered({
      title: 't'.repeat(200),
      text: long,
      blocks: [
        {
          type: 'section',
          block_id: 'one',
          text: { type: 'mrkdwn', text: long },
          accessory: { type: 'button' },
        },
        { type: 'header', text: { type: 'plain_text', text: 'h'.repeat(151) } },
        { type: 'context', elements: Array.from({ length: 12 }, () => ({ type: 'mrkdwn', text: 'x' })) },
        ...Array.from({ length: 60 }, () => ({ type: 'divider' })),
      ],
    });
    expect(text.length).toBeLessThanOrEqual(4000);
    expect(blocks).toHaveLength(50);
    expect(blocks.at(-1)?.elements?.[0]?.text).toMatch(/^\d+ more blocks were left out/);
    for (const block of blocks)
      expect(block.text?.text.length ?? 0).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3000);
    expect(blocks.filter((block) => 'block_id' in block || 'accessory' in block)).toHaveLength(1);
    expect(blocks.find(({ type }) => type === 'context')?.elements).toHaveLength(10);
    const words = blocks.flatMap((block) =>
      block.type === 'section' ? (block.text?.text.split(' ') ?? []) : [],
    );
    expect(words.filter((word) => word === 'word')).toHaveLength(4000);
  });

  test('is never cut within a character or an escape', () => {
    expect(split('aaaa&amp;bbbb', 6)).toEqual(['aaaa', '&amp;b', 'bbb']);
    expect(split('aaaaa😀b', 6)).toEqual(['aaaaa', '😀b']);
    expect(split('one two\nthree four', 9)).toEqual(['one two', 'three', 'four']);
  });

  test('needs something to say', () => {
    expect(input.safeParse({ text: 'Hello', summary: { rows: 7 }, score: 'other' }).success).toBe(true);
    expect(input.safeParse({ steps: {}, rows: [] }).error?.issues[0]?.message).toMatch(
      /nothing to post: give text/,
    );
    const misfit = { siteUrl: 'https://example.com/', summary: 'Fine.', score: 'good' };
    expect(input.safeParse(misfit).error?.issues).toMatchObject([{ path: ['score'] }]);
  });
});

describe('a report', () => {
  const win = {
    title: EVIL,
    why: EVIL,
    effort: 'low',
    impact: 'high',
    pages: ['https://example.com/a?b=1', 'javascript:x'],
  };
  const REPORT = {
    siteUrl: 'https://example.com/',
    summary: `Fine. ${EVIL}`,
    score: 72,
    opportunities: Array.from({ length: 7 }, () => win),
    topWin: win,
    problemsByPage: [
      ...Array.from({ length: 6 }, (_, n) => ({
        url: `https://example.com/minor-${n}`,
        problems: [{ rule: 'thin', severity: 'notice', message: 'only 3 words' }],
      })),
      {
        url: 'https://example.com/bad|page',
        problems: [
          { rule: 'thin', severity: 'notice', message: 'only 3 words' },
          { rule: 'title-missing', severity: 'error', message: 'has no title' },
        ],
      },
    ],
    counts: { pages: 7, errors: 1, warnings: 0, notices: 7 },
    recommendationsNote: 'Written by rules.',
  };

  test('shows summary, top win, opportunities and the gravest problems', async () => {
    const { text, blocks } = await rendered({ report: REPORT });
    expect(text).toBe('SEO report: example.com scores 72/100');
    const all = blocks.flatMap((block) => [
      block.text?.text,
      ...(block.elements ?? []).map((one) => one.text),
    ]);
    const shown = all.filter(Boolean).join('\n');
    expect(blocks[0]?.text?.text).toBe('SEO report: example.com scores 72/100');
    expect(shown).toMatch(/Top win:/);
    expect(shown).toMatch(
      /1\. .*\(impact high · effort low · <https:\/\/example\.com\/a\?b=1\|\/a\?b=1>, javascript:x\)/,
    );
    expect(shown).toContain(
      '<https://example.com/bad%7Cpage|/bad page>\n• error: has no title\n• notice: only 3 words',
    );
    expect(shown.indexOf('bad%7Cpage')).toBeLessThan(shown.indexOf('minor-0'));
    expect(shown).toMatch(/and 2 more/);
    expect(shown).toContain('7 pages · 1 error · 0 warnings · 7 notices');
    expect(shown).not.toMatch(/<!channel>|<https:\/\/evil/);
  });

  test('is understood where the analyser’s output lies merged into the input, with what came before it', async () => {
    const fetched = {
      siteProperty: 'sc-domain:example.com',
      rows: [{ query: 'wanted', page: 'https://example.com/a', clicks: 3, impressions: 900, position: 8 }],
      truncated: [],
    };
    const clusters = [
      { label: 'rare', queries: ['a', 'b'], clicks: 1, impressions: 10 },
      { label: 'wanted & more', queries: ['wanted'], clicks: 3, impressions: 900, averagePosition: 8 },
    ];
    const report = await analyser.run(analyser.input.parse(fetched), testContext());
    const { text, blocks } = await rendered({
      ...fetched,
      clusters,
      ...report,
      steps: { fetch: fetched, analyse: report },
    });
    expect(text).toBe('SEO report: example.com');
    expect(JSON.stringify(blocks)).toContain('“wanted” is at position 8.0 with 900 impressions');
    expect(JSON.stringify(blocks)).toContain(
      '*Topics people search for*\\n• wanted &amp; more: 1 query, 900 impressions, position 8.0\\n• rare: 2 queries, 10 impressions',
    );
    expect(blocks.length).toBeLessThan(20);
  });
});

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
