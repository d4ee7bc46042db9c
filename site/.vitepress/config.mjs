// The site is made of the pages that the repository has: README, ARCHITECTURE and docs/. Nothing is written twice.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';

const DOCS = join(import.meta.dirname, '../../docs');

const page = (text, link) => ({ text, link });
const vue = (file) => join(import.meta.dirname, '../node_modules/vue', file);
const named = new Set();
/** Pages of docs/ that are there. */
const docs = (entries) =>
  entries
    .filter(([, name]) => existsSync(join(DOCS, `${name}.md`)))
    .map(([text, name]) => {
      named.add(`${name}.md`);
      return page(text, `/docs/${name}`);
    });

/** Pages that no group below names: better at the end than nowhere. */
const others = () =>
  docs(
    readdirSync(DOCS)
      .filter((file) => file.endsWith('.md') && !named.has(file))
      .map((file) => [file.replace('.md', '').replaceAll('-', ' '), file.replace('.md', '')]),
  );

/** Pages are Markdown and nothing else: no HTML in them, and two braces are two braces, not a template. */
const plain = (md) => {
  for (const rule of ['text', 'code_inline']) {
    const render = md.renderer.rules[rule];
    md.renderer.rules[rule] = (...args) =>
      render(...args)
        .replaceAll('{{', '&#123;&#123;')
        .replaceAll('}}', '&#125;&#125;');
  }
};

const withOthers = (groups) => {
  const items = others();
  return items.length === 0 ? groups : [...groups, { text: 'More', items }];
};

export default defineConfig({
  title: 'Reveille',
  description: 'Wakes agents, runs them, and lets them sleep.',
  srcDir: '..',
  // Everything else in the repository has pages of its own: templates, agents, the site's packages.
  srcExclude: ['{agents,bench,dashboard,dist,node_modules,postman,scripts,site,src,test,.reveille}/**'],
  outDir: 'dist',
  cacheDir: '.vitepress/dist/cache',
  vite: {
    publicDir: join(import.meta.dirname, 'dist/public'),
    // The pages lie outside of this package, and would look for its modules in vain.
    resolve: {
      alias: [
        { find: /^vue$/, replacement: vue('dist/vue.runtime.esm-bundler.js') },
        { find: /^vue\/server-renderer$/, replacement: vue('server-renderer/index.mjs') },
      ],
    },
  },
  rewrites: { 'README.md': 'index.md' },
  // To code and to settings, which are no pages; every other dead link fails the build.
  ignoreDeadLinks: [
    /\.\.\/(src|agents)\//,
    /\.env\.example/,
    /^\.?\/?(src|docs|postman|agents)(\/|$)/,
    /^https?:\/\/localhost/,
  ],
  lastUpdated: false,
  markdown: { html: false, config: plain },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [page('Start', '/'), page('Command line', '/docs/cli'), page('Architecture', '/ARCHITECTURE')],
    sidebar: withOthers([
      {
        text: 'Start',
        items: [
          page('What it is', '/'),
          page('Architecture', '/ARCHITECTURE'),
          page('Changes', '/CHANGELOG'),
        ],
      },
      {
        text: 'Write',
        items: docs([
          ['The agent contract', 'agent-contract'],
          ['Checking an agent', 'agent-check'],
          ['Evaluations', 'evals'],
          ['Language models', 'llm'],
          ['Workflows', 'workflows'],
          ['Triggers', 'triggers'],
          ['Schedules', 'schedules'],
          ['Flow control', 'flow-control'],
        ]),
      },
      {
        text: 'Deploy',
        items: docs([
          ['Configuration', 'configuration'],
          ['From nothing to production', 'deploy-code-capsules'],
          ['Platforms', 'platforms'],
          ['Prewarming', 'prewarm'],
          ['Releases', 'releases'],
          ['Canaries', 'canary'],
          ['Slots', 'slots'],
        ]),
      },
      {
        text: 'Operate',
        items: docs([
          ['The dashboard', 'dashboard'],
          ['Safety', 'safety'],
          ['Approvals', 'approvals'],
          ['Protocols', 'protocols'],
          ['Budgets', 'budgets'],
          ['Breakers', 'breakers'],
          ['Costs', 'costs'],
          ['Observability', 'observability'],
          ['Audit', 'audit'],
          ['People and keys', 'security'],
          ['The inbox', 'inbox'],
          ['Runbooks', 'runbooks/README'],
        ]),
      },
      {
        text: 'Reference',
        items: [
          ...docs([
            ['Command line', 'cli'],
            ['Every command', 'cli-reference'],
            ['HTTP API', 'api'],
            ['gRPC', 'grpc'],
            ['State machines', 'state-machine'],
            ['Performance', 'performance'],
            ['Simulation', 'simulation'],
          ]),
          { text: 'Every route (OpenAPI)', link: '/reference/', target: '_self' },
        ],
      },
    ]),
  },
});
