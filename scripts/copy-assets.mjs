// Copies what tsc leaves behind next to the compiled code: the SQL migrations. One that was
// renamed or removed goes from there, too; the others are never absent in between.
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const [FROM, TO] = ['src/store/migrations', 'dist/store/migrations'];

/** Runs in the root of the repository. */
export function copyAssets() {
  mkdirSync(TO, { recursive: true });
  const names = readdirSync(FROM).filter((name) => name.endsWith('.sql'));
  for (const name of names) copyFileSync(join(FROM, name), join(TO, name));
  for (const name of readdirSync(TO).filter((name) => name.endsWith('.sql') && !names.includes(name))) {
    rmSync(join(TO, name));
  }
}
