// Makes JavaScript of what is newer than its copy in dist, without checking a type: a second instead of the
// half minute that the compiler takes from nothing.
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const [FROM, TO] = ['src', 'dist'];
/** What tsc remembers of its last build. */
const REMEMBERED = join(TO, 'tsconfig.tsbuildinfo');

/** Runs in the root of the repository. */
export async function transpile() {
  const stale = readdirSync(FROM, { recursive: true })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .filter((name) => isStale(join(FROM, name), join(TO, name.replace(/\.ts$/, '.js'))));
  if (stale.length === 0) return;
  // Whoever starts the demo for the first time waits a few seconds, and should know for what.
  if (stale.length > 100) process.stderr.write(`Building ${stale.length} files, once…\n`);
  // What dist holds is no longer what tsc wrote; the next whole build has to write all of it.
  rmSync(REMEMBERED, { force: true });
  await build({
    entryPoints: stale.map((name) => join(FROM, name)),
    outdir: TO,
    outbase: FROM,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    sourcemap: true,
    logLevel: 'warning',
  });
}

const isStale = (source, made) => !existsSync(made) || statSync(made).mtimeMs < statSync(source).mtimeMs;
