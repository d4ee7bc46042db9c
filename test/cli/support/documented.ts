/** The calls of `reveille` in the documentation. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '../../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Lines of shell in a page that call `reveille`, without a prompt, a comment or what follows a pipe. */
function calls(page: string): string[] {
  const blocks = [...read(page).matchAll(/```(?:sh|bash|console|text)\n([\s\S]*?)```/g)];
  return blocks
    .flatMap(([, text = '']) => text.replace(/\\\n\s*/g, ' ').split('\n'))
    .map((line) => line.replace(/^\$ /, '').replace(/ {2,}.*$| # .*$|[|;<>&].*$/g, ''))
    .filter((line) => /^(npx )?reveille [a-z]/.test(line));
}

const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((f) => f.endsWith('.md'))
    .map((f) => `docs/${f}`),
].filter((page) => page !== 'docs/cli-reference.md');

/** Page and call, in the order of the pages. Runbooks are not among them: they have tests of their own. */
export const DOCUMENTED = PAGES.flatMap((page) => calls(page).map((call) => [page, call] as const));

/** What follows `reveille`, as a shell splits it; quotes stay, unless they are not wanted. */
export const wordsOf = (call: string, { quotes = true } = {}): string[] => {
  const [, ...words] = call.replace(/^npx /, '').match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return quotes ? words : words.map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
};
