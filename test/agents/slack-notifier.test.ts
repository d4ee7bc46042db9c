/** What a message to Slack looks like. */
import { input } from '../../agents/slack-notifier/src/jobs/slack-notifier';
import { split } from '../../agents/slack-notifier/src/jobs/slack/fit';
import * as analyser from '../../agents/seo-analyser/src/jobs/seo-analyser';
import { testContext } from './context';
import { EVIL, rendered } from './slack';

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
