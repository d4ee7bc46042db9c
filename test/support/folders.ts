import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runFolder } from './run-folder';

/**
 * A new folder for a test, removed by `remove()`, or with the run when that is interrupted. Others may enter it, as Postgres must when the
 * tests run as root and it does not.
 */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(runFolder() ?? tmpdir(), 'reveille-test-'));
  await chmod(path, 0o711);
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 5 }) };
}
