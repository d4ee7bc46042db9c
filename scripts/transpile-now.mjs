// Makes JavaScript of what changed in src: `reveille dev` runs it before it reads the registry again.
import { join } from 'node:path';
import { transpile } from './transpile.mjs';

process.chdir(join(import.meta.dirname, '..'));
await transpile();
