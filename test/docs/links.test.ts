/** The pages of the repository: every link leads somewhere, and the architecture is drawn once. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const ROOT = join(__dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const pagesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file));

const PAGES = [...pagesIn('.'), ...pagesIn('docs'), ...pagesIn('docs/runbooks')];

/** A page's text without its code, which may hold brackets that are no links. */
const prose = (page: string): string => read(page).replace(/```[\s\S]*?```|`[^`\n]*`/g, '');

const linksOf = (page: string): string[] =>
  [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link));

/** As web pages name a heading: small letters and digits, dashes for what is between. */
const anchor = (heading: string): string =>
  heading
    .replace(/`/g, '')
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s+/g, '-');

const anchorsOf = (file: string): string[] =>
  [...read(file).matchAll(/^#+ (.*)$/gm)].map(([, h = '']) => anchor(h));

it('finds pages and links', () => {
  expect(PAGES.length).toBeGreaterThan(25);
  expect(PAGES.flatMap(linksOf).length).toBeGreaterThan(100);
});

it.each(PAGES)('%s links to what is there', (page) => {
  const dead = linksOf(page).filter((link) => {
    const [path = '', heading] = link.split('#');
    const file = path === '' ? page : relative(ROOT, join(ROOT, dirname(page), decodeURI(path)));
    if (!existsSync(join(ROOT, file))) return true;
    return heading !== undefined && statSync(join(ROOT, file)).isFile() && !anchorsOf(file).includes(heading);
  });
  expect(dead).toEqual([]);
});

it('names in the diagram the verbs that are files of the engine', () => {
  const [, diagram = ''] = /```text\n([\s\S]*?)```/.exec(read('ARCHITECTURE.md')) ?? [];
  const verbs = ['wake', 'dispatch', 'settle', 'sleep'];
  for (const verb of verbs) {
    expect(diagram).toContain(verb);
    expect(existsSync(join(ROOT, 'src/engine', `${verb}.ts`))).toBe(true);
  }
});
