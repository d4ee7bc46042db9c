/** The lock file, from which `npm ci` and `npm install` install the same on every system. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  version?: string;
  optionalDependencies?: Record<string, string>;
}

const { packages } = JSON.parse(readFileSync(join(__dirname, '../../package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>;
};

/** Where Node looks for a package from a place, nearest first. */
function candidates(from: string, name: string): string[] {
  const outer = from.lastIndexOf('/node_modules/');
  const here = [from, 'node_modules', name].filter(Boolean).join('/');
  if (from === '') return [here];
  return [here, ...candidates(outer < 0 ? '' : from.slice(0, outer), name)];
}

// What is left out is not installed anywhere: npm takes the lock file's word, and a Mac would have no compiler.
it('has the binaries of all systems, not only of the one on which it was written', () => {
  const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies)
      .filter((name) => !candidates(place, name).some((candidate) => candidate in packages))
      .map((name) => `${name} of ${place || 'this package'}`),
  );
  expect(missing).toEqual([]);
  expect(Object.keys(packages)).toContain('node_modules/@swc/core-darwin-arm64');
});
