// Bundles the dashboard into dist/dashboard, unless what is there was made from the same files.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDER = 'dashboard';
const OUT = 'dist/dashboard';
const STAMP = join(OUT, 'made-from');
/** Beside its own files: what it takes from the orchestrator, and the versions of what it is made of. */
const OTHERS = [
  ...['src/domain/status.ts', 'src/cli/runs/events.ts', 'src/cli/demo/timeline.ts'],
  ...['package-lock.json', 'scripts/build-dashboard.mjs'],
];

/** Runs in the root of the repository. */
export async function buildDashboard() {
  const stamp = stampOf();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
  const { build } = await import('vite');
  const { output } = await build({ configFile: join(FOLDER, 'vite.config.mjs') });
  const made = new Set(output.map(({ fileName }) => join(OUT, fileName)));
  for (const name of readdirSync(join(OUT, 'assets'))) {
    const file = join(OUT, 'assets', name);
    if (!made.has(file)) rmSync(file);
  }
  writeFileSync(STAMP, stamp);
}

function stampOf() {
  const hash = createHash('sha256');
  const own = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const file of [...own.sort(), ...OTHERS]) hash.update(file).update(readFileSync(file));
  return hash.digest('hex');
}
