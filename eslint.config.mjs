import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/**
 * Imports point one way. Each layer of `src/` lists the other layers it may import from;
 * `compose.ts` and `index.ts` wire everything and are free.
 */
const LAYERS = {
  domain: [],
  guards: ['domain'],
  releases: ['domain', 'agent-check'],
  registry: ['domain'],
  platforms: [],
  store: ['domain'],
  notify: ['domain', 'store'],
  'agent-check': [],
  inbox: ['agent-check', 'store'],
  engine: ['domain', 'guards', 'releases', 'registry', 'platforms', 'store', 'inbox', 'notify'],
  http: ['domain', 'guards', 'releases', 'registry', 'platforms', 'store', 'inbox', 'notify', 'engine'],
  observability: ['domain', 'inbox', 'engine'],
};

const layerRules = Object.entries(LAYERS).map(([layer, allowed]) => {
  const forbidden = [...Object.keys(LAYERS), 'cli'].filter((l) => l !== layer && !allowed.includes(l));
  return {
    files: [`src/${layer}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            ...(layer === 'domain'
              ? [
                  {
                    regex:
                      '^(?!\\./|\\.\\./contract$|zod$|cron-parser$|luxon$|cronstrue$|moment-timezone/data/|node:crypto$)',
                    message:
                      'The domain is pure: it imports itself, the contract, zod, the cron parsers, time zones and hashes.',
                  },
                ]
              : [
                  {
                    regex: `^(\\.\\./)+(${forbidden.join('|')})(/|$)`,
                    message: `${layer} may not import from there; see LAYERS in eslint.config.mjs.`,
                  },
                ]),
          ],
        },
      ],
    },
  };
});

/** In a folder of the domain one level up is still the domain. */
const domainFolders = {
  files: ['src/domain/*/**/*.ts'],
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex:
              '^(?!\\./|\\.\\./[a-z]|\\.\\./\\.\\./contract$|zod$|cron-parser$|luxon$|cronstrue$|moment-timezone/data/|node:crypto$)',
            message:
              'The domain is pure: it imports itself, the contract, zod, the cron parsers, time zones and hashes.',
          },
        ],
      },
    ],
  },
};

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', '.reveille/**'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      '@typescript-eslint/require-await': 'off',
      'no-console': 'error',
    },
  },
  ...layerRules,
  domainFolders,
  {
    files: ['test/**/*.ts'],
    ignores: ['test/support/outside.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { paths: [{ name: 'nock', message: 'Import it from test/support/outside, which restores it.' }] },
      ],
    },
  },
  { files: ['src/cli/**/*.ts', 'bench/**/*.ts', 'test/simulation/cli.ts'], rules: { 'no-console': 'off' } },
  {
    files: ['**/*.js', '**/*.mjs'],
    languageOptions: {
      globals: {
        module: 'writable',
        require: 'readonly',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
);
