// Removes what was compiled from a source that is gone: `x.js` of an earlier build would be loaded instead of
// `x/index.js`, which took its place.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [FROM, TO] = ['src', 'dist'];
/** Made by others, of other sources. */
const OTHERS = /^dashboard\//;
const COMPILED = /\.(?:d\.ts|js|js\.map)$/;

/** Runs in the root of the repository. */
export function removeStale() {
  if (!existsSync(TO)) return;
  for (const name of readdirSync(TO, { recursive: true })) {
    if (!COMPILED.test(name) || OTHERS.test(name)) continue;
    if (!existsSync(join(FROM, name.replace(COMPILED, '.ts')))) rmSync(join(TO, name));
  }
}
