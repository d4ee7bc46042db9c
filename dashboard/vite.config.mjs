import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** @type {import('vite').UserConfig} */
export default {
  root: here,
  base: '/',
  logLevel: 'warn',
  // What JSX becomes is told by tsconfig.json.
  build: {
    outDir: join(here, '../dist/dashboard'),
    // The build script removes what is old, once the new files are there.
    emptyOutDir: false,
    target: 'es2022',
    // Nothing inlined: the policy of the page lets no data: script or style through.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // While working on it: `npx vite dashboard` beside an orchestrator on its usual port.
  server: {
    proxy: Object.fromEntries(
      ['runs', 'workflows', 'agents', 'capsules', 'shifts', 'alerts', 'approvals', 'events', 'session']
        .concat([
          'whoami',
          'replays',
          'costs',
          'audit',
          'switches',
          'inbox',
          'ready',
          'emergency-stop',
          'budgets',
          'caps',
          'releases',
          'rollouts',
          'environments',
        ])
        .map((path) => [`/${path}`, 'http://localhost:3000']),
    ),
  },
};
