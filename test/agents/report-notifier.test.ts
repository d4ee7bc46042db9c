import { readdirSync, readFileSync } from 'node:fs';
import nock, { useOutside } from '../support/outside';
import { input, output, run } from '../../agents/report-notifier/src/jobs/report-notifier';
import { temporaryFolder } from '../support/folders';
import { setVariables, testContext, type TestContext } from './context';

const SLACK = 'https://hooks.slack.com/services/T000/B000/canary-9f3e';
const EVIL = `<script>alert("1")</script> & 'x' | [a](javascript:alert(1)) \`b\` *c*`;
const win = {
  title: 'Mend links',
  why: 'They end visits.',
  effort: 'low',
  impact: 'high',
  pages: ['https://example.com/a?b=1&c="2'],
};
const REPORT = {
  siteUrl: 'https://example.com/',
  summary: 'Fine.',
  score: 72,
  opportunities: [win],
  topWin: win,
  problemsByPage: [
    {
      url: 'https://example.com/a',
      problems: [{ rule: 'thin', severity: 'notice', message: 'only 3 words' }],
    },
  ],
  counts: { pages: 1, errors: 0, warnings: 0, notices: 1 },
  recommendationsNote: 'Written by rules.',
  steps: { crawl: {} },
};

async function notify(report: object = REPORT, ctx: TestContext = testContext()) {
  return output.parse(await run(input.parse(report), ctx));
}

describe('without a Slack webhook', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  useOutside();
  let restore: () => void;
  beforeEach(async () => {
    folder = await temporaryFolder();
    restore = setVariables({ SLACK_WEBHOOK_URL: undefined, REPORT_DIR: `${folder.path}/new` });
  });
  afterEach(async () => {
    restore();
    await folder.remove();
  });

  test('writes an HTML and a Markdown report and records it', async () => {
    const ctx = testContext();
    const base = `${folder.path}/new/example.com-${ctx.runId}`;
    expect(await notify(REPORT, ctx)).toEqual({
      delivered: 'files',
      files: [`${base}.html`, `${base}.md`],
      url: `file://${base}.html`,
    });
    expect(ctx.actions).toMatchObject([{ type: 'report.written' }]);
    const [html, markdown] = [readFileSync(`${base}.html`, 'utf8'), readFileSync(`${base}.md`, 'utf8')];
    for (const text of [html, markdown])
      for (const part of ['example.com', 'Fine.', '72', 'Mend links', 'only 3 words', ctx.runId.slice(0, 8)])
        expect(text).toContain(part);
    expect(html).not.toMatch(/<script|\b(?:src|href)="(?!https:\/\/example\.com)/);
    expect(markdown).toContain('| What and why | Impact | Effort | Pages |');
  });

  test('reports without a score where no page was crawled', async () => {
    const { score: _, ...searched } = REPORT;
    const { files = [] } = await notify({ ...searched, truncated: ['rows'] });
    const [html = '', markdown = ''] = files.map((file) => readFileSync(file, 'utf8'));
    expect(html).not.toMatch(/class="score|undefined|NaN/);
    expect(markdown).not.toMatch(/Score|undefined/);
    for (const text of [html, markdown]) expect(text).toContain('The data was cut short by its limits: rows');
  });

  test('writes the same run over its own files', async () => {
    const ctx = testContext();
    await notify(REPORT, ctx);
    await notify({ ...REPORT, summary: 'Second.' }, ctx);
    expect(readdirSync(`${folder.path}/new`)).toHaveLength(2);
  });

  test('shows what pages say as text, whatever they say', async () => {
    const evil = { title: EVIL, why: EVIL, effort: EVIL, impact: EVIL, pages: [EVIL, 'javascript:alert(1)'] };
    const problems = [{ rule: EVIL, severity: '" onload="x', message: EVIL }];
    const { files = [] } = await notify({
      ...REPORT,
      siteUrl: '../../etc/<passwd>',
      summary: EVIL,
      opportunities: [evil],
      topWin: evil,
      problemsByPage: [{ url: 'javascript:alert(1)', problems }],
      recommendationsNote: EVIL,
    });
    expect(files[0]).toMatch(new RegExp(`^${folder.path}/new/[a-z0-9-]+\\.html$`));
    const [html = '', markdown = ''] = files.map((file) => readFileSync(file, 'utf8'));
    expect(html).not.toMatch(/<script|href="javascript|" onload="/);
    expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;');
    expect(markdown).not.toMatch(/(?<!\\)<script|(?<!\\)\[a|(?<!\\)`b/);
    const [row = ''] = markdown.split('\n').filter((line) => line.startsWith('| **'));
    expect(row.match(/(?<!\\)\|/g)).toHaveLength(5);
  });

  test('writes nothing on a dry run', async () => {
    const ctx = testContext({ dryRun: true });
    expect(await notify(REPORT, ctx)).toEqual({ delivered: 'nothing' });
    expect([readdirSync(folder.path), ctx.actions]).toEqual([[], []]);
  });
});

describe('with a Slack webhook', () => {
  const { origin, pathname } = new URL(SLACK);
  let restore: () => void;
  beforeEach(() => {
    restore = setVariables({ SLACK_WEBHOOK_URL: SLACK });
  });
  afterEach(() => restore());

  test('posts one compact message and records it', async () => {
    let sent: { text?: string; blocks?: { type: string; text?: { text: string } }[] } = {};
    nock(origin)
      .post(pathname, (body: typeof sent) => Boolean((sent = body)))
      .reply(200, 'ok');
    const ctx = testContext();
    expect(await notify({ ...REPORT, summary: `<!channel> ${'long '.repeat(1000)}` }, ctx)).toEqual({
      delivered: 'slack',
    });
    expect(sent.text).toBe('SEO report: example.com scores 72/100');
    expect(sent.blocks?.map(({ type }) => type)).toEqual([
      'header',
      'section',
      'section',
      'section',
      'context',
    ]);
    expect(sent.blocks?.[1]?.text?.text).toMatch(/^&lt;!channel&gt;/);
    for (const { text } of sent.blocks ?? []) expect(text?.text.length ?? 0).toBeLessThanOrEqual(3000);
    expect(ctx.actions).toMatchObject([{ type: 'message.sent', platform: 'slack' }]);
  });

  test.each<[what: string, answer: () => void, why: RegExp]>([
    ['a removed webhook', () => nock(origin).post(pathname).reply(404, 'no_service'), /404 no_service/],
    ['a Slack that is down', () => nock(origin).post(pathname).reply(503, ''), /503/],
    [
      'a connection that breaks',
      () => nock(origin).post(pathname).replyWithError('ECONNRESET'),
      /could not be reached/,
    ],
  ])('fails on %s, naming the variable and not its value', async (_what, answer, why) => {
    answer();
    const ctx = testContext();
    const failure = await notify(REPORT, ctx).catch((error: Error) => error);
    expect(failure).toMatchObject({ message: expect.stringMatching(/^SLACK_WEBHOOK_URL: /) as string });
    expect(failure).toMatchObject({ message: expect.stringMatching(why) as string });
    expect(JSON.stringify([(failure as Error).message, ctx.logs])).not.toContain('canary');
    expect(ctx.actions).toEqual([]);
  });

  test('fails on a value that is no address', async () => {
    setVariables({ SLACK_WEBHOOK_URL: 'canary' });
    await expect(notify()).rejects.toThrow('SLACK_WEBHOOK_URL: is not a URL');
  });
});
