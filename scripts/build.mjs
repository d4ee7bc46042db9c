// Compiles the orchestrator, checks and bundles every agent that is there, then copies what tsc leaves behind.
// One tsc process for all of them: with nothing changed this takes about two seconds. With --quick, which the demo
// uses, no types are checked: from nothing it takes a few seconds instead of half a minute.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { buildDashboard } from './build-dashboard.mjs';
import { copyAssets } from './copy-assets.mjs';
import { removeStale } from './remove-stale.mjs';
import { transpile } from './transpile.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
process.chdir(root);

const agents = existsSync('agents') ? readdirSync('agents').map((name) => join('agents', name)) : [];
removeStale();
if (process.argv.includes('--quick')) await transpile();
else compile();
copyAssets();
await Promise.all([buildDashboard(), bundleHelper(), ...agents.map(bundle)]);
// What package.json names in `bin` is run by its name: `npx reveille`.
for (const bin of ['index', 'slots-bin']) chmodSync(`dist/cli/${bin}.js`, 0o755);

/** Ends the build where a type is wrong. */
function compile() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const checked = agents.filter((folder) => existsSync(join(folder, 'tsconfig.json')));
  const arguments_ = [tsc, '--build', '.', 'dashboard', ...checked];
  const { status, error } = spawnSync(process.execPath, arguments_, { stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

async function bundle(folder) {
  const script = join(root, folder, 'build.mjs');
  if (existsSync(script)) await import(pathToFileURL(script).href);
}

/** The agents' way of asking models, for judges of evaluations: the same modes, the same recordings. */
async function bundleHelper() {
  const { build } = await import('esbuild');
  await build({
    entryPoints: ['agents/_template/src/llm/index.ts'],
    outfile: 'dist/judge/llm.cjs',
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['zod'],
    logLevel: 'warning',
  });
}
