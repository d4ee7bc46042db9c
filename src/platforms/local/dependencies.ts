/** The packages a folder finds, made findable from a copy of it elsewhere. */
import { mkdir, readdir, stat, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Folders that hold packages of their own name: scopes, and the commands. */
const isGroup = (name: string): boolean => name.startsWith('@') || name === '.bin';

/**
 * Links what `folder` can resolve into `to/node_modules`: its own packages, then those of the folders
 * above it, as in a workspace. Nothing happens where there are none.
 */
export async function linkDependencies(folder: string, to: string): Promise<void> {
  const sources: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const packages = join(at, 'node_modules');
    if (await isFolder(packages)) sources.push(packages);
    if (dirname(at) === at) break;
  }
  const [only, ...others] = sources;
  const target = join(to, 'node_modules');
  if (only === undefined) return;
  if (others.length === 0) return symlink(only, target);
  await mkdir(target);
  const linked = new Set<string>();
  for (const source of sources) {
    for (const name of await entries(source)) {
      if (linked.has(name)) continue; // The nearest one counts.
      linked.add(name);
      await mkdir(dirname(join(target, name)), { recursive: true });
      await symlink(join(source, name), join(target, name));
    }
  }
}

/** Names of packages and commands: `zod`, `@types/node`, `.bin/tsc`. */
async function entries(packages: string): Promise<string[]> {
  const names = await readdir(packages);
  const lists = names.map(async (name) => {
    if (isGroup(name)) return (await readdir(join(packages, name))).map((each) => join(name, each));
    return name.startsWith('.') ? [] : [name];
  });
  return (await Promise.all(lists)).flat();
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}
