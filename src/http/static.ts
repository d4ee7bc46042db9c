/** Where the built dashboard is. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The same from `src/http` and from `dist/http`: the build is in `dist` either way. */
const BUILT = join(__dirname, '../../dist/dashboard');

/** As the build names its files: nothing in it leads to another folder. */
const FILE = /^[\w-]+(\.[\w-]+)+$/;

/** Undefined where the dashboard is not built. */
export const pagePath = (): string | undefined => existing(join(BUILT, 'index.html'));

/** Undefined for whatever is no file of the build. */
export const assetPath = (file: string): string | undefined =>
  FILE.test(file) ? existing(join(BUILT, 'assets', file)) : undefined;

const existing = (path: string): string | undefined => (existsSync(path) ? path : undefined);
