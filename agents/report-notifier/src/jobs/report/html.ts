/** The report as one HTML file that needs nothing else: no script, no request. */
import { html as esc, isWebAddress } from './escape';
import { authorOf, hostOf, type Meta, type Report } from './schema';
import { STYLE } from './style';

const MAX_PAGES_NAMED = 5;
/** Pages whose problems are open when the file is opened, and on paper. */
const MAX_OPEN = 25;

export function renderHtml(report: Report, meta: Meta): string {
  const title = `SEO report: ${hostOf(report)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="robots" content="noindex">
<title>${esc(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${esc(title)}</h1>
<p class="soft">${esc(readableTime(meta.createdAt))} · run ${esc(meta.runId)}</p>
${head(report)}
${topWin(report)}
<h2>Opportunities</h2>
${opportunities(report)}
<h2>Problems by page</h2>
${problems(report)}
<footer class="soft">${esc(authorOf(report))}</footer>
</main>
</body>
</html>
`;
}

function readableTime(iso: string): string {
  return `${iso.slice(0, 10)}, ${iso.slice(11, 16)} UTC`;
}

function head(report: Report): string {
  const { counts, summary, truncated } = report;
  const entries = counts
    ? [
        `${counts.pages} pages`,
        `${counts.errors} errors`,
        `${counts.warnings} warnings`,
        `${counts.notices} notices`,
      ]
    : [];
  const cut =
    truncated.length > 0
      ? `<p class="soft">The data was cut short by its limits: ${esc(truncated.join(', '))}.</p>`
      : '';
  return `<section class="card head">
${report.score === undefined ? '' : dial(report.score)}
<div><p>${esc(summary)}</p>${cut}
<ul class="counts">${entries.map((entry) => `<li>${entry}</li>`).join('')}</ul></div>
</section>`;
}

/** A ring that is filled as far as the score goes. */
function dial(score: number): string {
  const length = 2 * Math.PI * 42;
  const tone = score >= 80 ? 'good' : score >= 50 ? 'fair' : 'poor';
  return `<svg class="score ${tone}" viewBox="0 0 100 100" role="img" aria-label="Score ${score} of 100">
<circle cx="50" cy="50" r="42" fill="none" stroke="var(--line)" stroke-width="8"/>
<circle cx="50" cy="50" r="42" fill="none" stroke="var(--tone)" stroke-width="8" stroke-linecap="round"
 stroke-dasharray="${((score / 100) * length).toFixed(1)} ${length.toFixed(1)}" transform="rotate(-90 50 50)"/>
<text x="50" y="57">${score}</text><text class="of" x="50" y="72">of 100</text>
</svg>`;
}

function topWin({ topWin: win }: Report): string {
  if (!win) return '';
  return `<h2>Top win</h2>
<section class="card top"><h3>${esc(win.title)}</h3><p>${esc(win.why)}</p>
<p class="soft">Impact ${esc(win.impact)} · effort ${esc(win.effort)} · ${pageNames(win.pages)}</p></section>`;
}

function opportunities({ opportunities: all }: Report): string {
  if (all.length === 0) return '<p class="card">None found.</p>';
  const rows = all.map(
    ({ title, why, effort, impact, pages }) =>
      `<tr><td><strong>${esc(title)}</strong><br><span class="soft">${esc(why)}</span></td>` +
      `<td>${esc(impact)}</td><td>${esc(effort)}</td><td class="soft">${pageNames(pages)}</td></tr>`,
  );
  return `<div class="card scroll"><table>
<thead><tr><th>What and why</th><th>Impact</th><th>Effort</th><th>Pages</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function pageNames(pages: string[]): string {
  const rest = pages.length - MAX_PAGES_NAMED;
  const named = pages
    .slice(0, MAX_PAGES_NAMED)
    .map((url) => link(url))
    .join(', ');
  return rest > 0 ? `${named} and ${rest} more` : named;
}

function problems({ problemsByPage }: Report): string {
  if (problemsByPage.length === 0) return '<p class="card">None found.</p>';
  const sections = problemsByPage.map(({ url, problems: found }, index) => {
    const items = found.map(
      ({ severity, message }) =>
        `<li><span class="tag ${esc(severity)}">${esc(severity)}</span><span>${esc(message)}</span></li>`,
    );
    return `<details${index < MAX_OPEN ? ' open' : ''}><summary>${link(url, url)} <span class="soft">${found.length}</span></summary>
<ul>${items.join('')}</ul></details>`;
  });
  return sections.join('\n');
}

/** Shows the path alone unless told otherwise: the host is in the heading. */
function link(url: string, text?: string): string {
  if (!isWebAddress(url)) return esc(url);
  const { href, pathname, search } = new URL(url);
  return `<a href="${esc(href)}" rel="noreferrer nofollow">${esc(text ?? pathname + search)}</a>`;
}
