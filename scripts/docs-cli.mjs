// Writes docs/cli-reference.md: the help of every command of the build. A test compares it with the code.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const { createProgram } = require(join(root, 'dist/cli/program.js'));
const { referencePage } = require(join(root, 'dist/cli/reference.js'));

writeFileSync(join(root, 'docs/cli-reference.md'), referencePage(createProgram()));
