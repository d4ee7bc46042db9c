/** From an input to one message. Pure. */
import { escape, plain } from './escape';
import { clip, fitBlocks, LIMITS, section, split } from './fit';
import type { Block, Cluster, Input, Report } from './schema';

/** How much of a report a message shows; the rest is counted. */
const SHOWN = {
  topics: 5,
  opportunities: 5,
  pages: 5,
  problemsPerPage: 3,
  pagesPerOpportunity: 3,
  why: 400,
  message: 200,
};
const SEVERITIES = ['error', 'warning', 'notice'];

export interface Message {
  /** Shown in notifications, and by clients that know no blocks. */
  text: string;
  blocks: Block[];
}

export function render({ text, title, blocks = [], report, clusters }: Input): Message {
  const heading = title ?? (report && headingOf(report));
  const all = [
    ...(heading ? [header(heading)] : []),
    ...(text ? split(escape(text), LIMITS.section).map((piece) => section(piece)) : []),
    ...blocks,
    ...(report ? reportBlocks(report, clusters) : []),
  ];
  const fallback = [heading && plain(heading), text && escape(text)].filter(Boolean).join(': ');
  return { text: clip(fallback || 'A message with blocks', LIMITS.text), blocks: fitBlocks(all) };
}

function header(text: string): Block {
  return { type: 'header', text: { type: 'plain_text', text: clip(text, LIMITS.header), emoji: false } };
}

function headingOf({ siteUrl, score }: Report): string {
  const host = URL.canParse(siteUrl) ? new URL(siteUrl).host || siteUrl : siteUrl;
  return `SEO report: ${host}${score === undefined ? '' : ` scores ${score}/100`}`;
}

function reportBlocks(report: Report, clusters: readonly Cluster[]): Block[] {
  const { summary, topWin, counts } = report;
  const figures = counts && [
    count(counts.pages, 'page'),
    count(counts.errors, 'error'),
    count(counts.warnings, 'warning'),
    count(counts.notices, 'notice'),
  ];
  return [
    section(clip(plain(summary), LIMITS.section)),
    ...(topWin
      ? [section(clip(`*Top win: ${plain(topWin.title)}*\n${plain(topWin.why)}`, LIMITS.section))]
      : []),
    ...opportunities(report),
    ...topics(clusters),
    ...problems(report),
    context([...(figures ? [figures.join(' · ')] : []), plain(authorOf(report))]),
  ];
}

function opportunities({ opportunities: all }: Report): Block[] {
  if (all.length === 0) return [];
  const listed = all.slice(0, SHOWN.opportunities).map(({ title, why, impact, effort, pages }, n) => {
    const facts = [impact && `impact ${plain(impact)}`, effort && `effort ${plain(effort)}`];
    const where = links(pages, SHOWN.pagesPerOpportunity);
    const details = [...facts, where].filter(Boolean).join(' · ');
    return `${n + 1}. *${plain(title)}*${details && ` (${details})`}\n${clip(plain(why), SHOWN.why)}`;
  });
  const rest = all.length - listed.length;
  return [
    { type: 'divider' },
    section('*Opportunities*'),
    ...listed.map((text) => section(clip(text, LIMITS.section))),
    ...(rest > 0 ? [context([`and ${rest} more`])] : []),
  ];
}

/** What people search for, the most shown first. */
function topics(clusters: readonly Cluster[]): Block[] {
  if (clusters.length === 0) return [];
  const listed = clusters
    .toSorted((a, b) => b.impressions - a.impressions)
    .slice(0, SHOWN.topics)
    .map(({ label, queries, impressions, averagePosition }) => {
      const place = averagePosition === undefined ? '' : `, position ${averagePosition.toFixed(1)}`;
      const figures = `${count(queries.length, 'query', 'queries')}, ${count(impressions, 'impression')}${place}`;
      return `• ${clip(plain(label), SHOWN.message)}: ${figures}`;
    });
  const rest = clusters.length - listed.length;
  const lines = rest > 0 ? [...listed, `• and ${rest} more`] : listed;
  return [{ type: 'divider' }, section(['*Topics people search for*', ...lines].join('\n'))];
}

/** The pages with the gravest problems first. */
function problems({ problemsByPage }: Report): Block[] {
  if (problemsByPage.length === 0) return [];
  const rank = (severity: string): number => (SEVERITIES.indexOf(severity) + 1 || SEVERITIES.length + 1) - 1;
  const worst = problemsByPage
    .map((page) => ({
      ...page,
      problems: page.problems.toSorted((a, b) => rank(a.severity) - rank(b.severity)),
    }))
    .sort((a, b) => rank(a.problems[0]?.severity ?? '') - rank(b.problems[0]?.severity ?? ''));
  const listed = worst.slice(0, SHOWN.pages).map(({ url, problems: found }) => {
    const lines = found
      .slice(0, SHOWN.problemsPerPage)
      .map(({ severity, message }) => `• ${plain(severity)}: ${clip(plain(message), SHOWN.message)}`);
    const rest = found.length - lines.length;
    return [link(url), ...lines, ...(rest > 0 ? [`• and ${rest} more`] : [])].join('\n');
  });
  const rest = worst.length - listed.length;
  return [
    { type: 'divider' },
    section('*Problems by page*'),
    ...listed.map((text) => section(clip(text, LIMITS.section))),
    ...(rest > 0 ? [context([`and ${count(rest, 'more page')}`])] : []),
  ];
}

function context(texts: string[]): Block {
  return {
    type: 'context',
    elements: texts.map((text) => ({ type: 'mrkdwn', text: clip(text, LIMITS.field) })),
  };
}

function links(pages: string[], shown: number): string {
  const rest = pages.length - shown;
  const named = pages.slice(0, shown).map(link).join(', ');
  return rest > 0 ? `${named} and ${rest} more` : named;
}

/** Only web addresses become links; a parsed one holds no angle bracket, and a bar would end it. */
function link(url: string): string {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return plain(url);
  const { href, host, pathname, search } = new URL(url);
  const label = pathname + search === '/' ? host : pathname + search;
  return `<${escape(href).replaceAll('|', '%7C')}|${clip(plain(label).replaceAll('|', ' '), 100)}>`;
}

function authorOf({ recommendationsBy, recommendationsNote, model }: Report): string {
  if (recommendationsBy === 'claude') return `Recommendations by Claude${model ? ` (${model})` : ''}`;
  return recommendationsNote ?? 'Recommendations written by rules';
}

function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${Math.round(number).toLocaleString('en-US')} ${number === 1 ? noun : plural}`;
}
