// Checks the types of what the build does not compile: tests and benchmarks.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
// To tsc a project without files is an error.
const hasFiles = (folder) => readdirSync(folder, { recursive: true }).some((name) => name.endsWith('.ts'));

const statuses = ['test', 'bench'].filter(hasFiles).map((project) => {
  const { status, error } = spawnSync(process.execPath, [tsc, '--project', project], { stdio: 'inherit' });
  if (error !== undefined) throw error;
  return status;
});
process.exit(statuses.every((status) => status === 0) ? 0 : 1);
