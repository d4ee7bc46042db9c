/** The report as Markdown. */
import { isWebAddress, markdown as md } from './escape';
import { authorOf, hostOf, type Meta, type Report } from './schema';

const MAX_PAGES_NAMED = 5;

export function renderMarkdown(report: Report, meta: Meta): string {
  const { opportunities, problemsByPage, topWin } = report;
  return (
    [
      `# SEO report: ${md(hostOf(report))}`,
      `${report.score === undefined ? '' : `**Score: ${report.score} / 100** · `}${md(meta.createdAt)} · run ${md(meta.runId)}`,
      md(report.summary),
      ...(report.truncated.length > 0
        ? [`*The data was cut short by its limits: ${md(report.truncated.join(', '))}.*`]
        : []),
      ...(topWin ? ['## Top win', `**${md(topWin.title)}**`, md(topWin.why)] : []),
      '## Opportunities',
      opportunities.length > 0 ? table(report) : 'None found.',
      '## Problems by page',
      ...(problemsByPage.length > 0 ? problemsByPage.map(pageSection) : ['None found.']),
      `---\n\n${md(authorOf(report))}`,
    ].join('\n\n') + '\n'
  );
}

function table({ opportunities }: Report): string {
  const rows = opportunities.map(
    ({ title, why, effort, impact, pages }) =>
      `| **${md(title)}**: ${md(why)} | ${md(impact)} | ${md(effort)} | ${named(pages)} |`,
  );
  return ['| What and why | Impact | Effort | Pages |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function named(pages: string[]): string {
  const rest = pages.length - MAX_PAGES_NAMED;
  return (
    pages
      .slice(0, MAX_PAGES_NAMED)
      .map((url) => link(url))
      .join(', ') + (rest > 0 ? ` and ${rest} more` : '')
  );
}

function pageSection({ url, problems }: Report['problemsByPage'][number]): string {
  const lines = problems.map(
    ({ rule, severity, message }) => `- **${md(severity)}** ${md(rule)}: ${md(message)}`,
  );
  return [`### ${link(url)}`, lines.join('\n')].join('\n\n');
}

/** An autolink cannot hold spaces or angle brackets; a parsed address never has them. */
function link(url: string): string {
  return isWebAddress(url) ? `<${new URL(url).href.replace(/\|/g, '%7C')}>` : md(url);
}
