/** The report as files. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { renderHtml } from './html';
import { renderMarkdown } from './markdown';
import { hostOf, type Meta, type Report } from './schema';

/** Letters that are safe in a file name everywhere. */
function fileName(report: Report, { runId }: Meta): string {
  return `${hostOf(report)}-${runId}`
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 150);
}

/** Writes the HTML and the Markdown report and returns their absolute paths, HTML first. A second run replaces them. */
export async function writeReport(directory: string, report: Report, meta: Meta): Promise<[string, string]> {
  const base = join(resolve(directory), fileName(report, meta));
  await mkdir(resolve(directory), { recursive: true });
  await write(`${base}.html`, renderHtml(report, meta));
  await write(`${base}.md`, renderMarkdown(report, meta));
  return [`${base}.html`, `${base}.md`];
}

/** Written beside and renamed, so that nobody reads half a report. */
async function write(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text);
  await rename(`${path}.part`, path);
}
