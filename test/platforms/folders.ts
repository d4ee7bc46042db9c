import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Answers every request with what its process knows; enough of an agent for a platform. */
export const ECHO_SERVER = `
require('node:http')
  .createServer((request, response) => response.end(JSON.stringify({ pid: process.pid, env: process.env })))
  .listen(Number(process.env.PORT), '127.0.0.1', () => console.log('listening on ' + process.env.PORT));
`;

/** A temporary directory that goes away with `dispose`. */
export async function temporary(): Promise<{ path: string; dispose: () => Promise<void> }> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'reveille-')));
  return { path, dispose: () => rm(path, { recursive: true, force: true }) };
}

/** Writes a capsule's folder: a server, a Procfile and whatever else is given. */
export async function capsuleFolder(
  under: string,
  files: Record<string, string> = {},
  procfile = 'web: node server.js',
): Promise<string> {
  const folder = join(under, `capsule-${Math.random().toString(36).slice(2)}`);
  await mkdir(folder);
  const all = { Procfile: `${procfile}\n`, 'server.js': ECHO_SERVER, ...files };
  for (const [name, text] of Object.entries(all)) await writeFile(join(folder, name), text);
  return folder;
}
