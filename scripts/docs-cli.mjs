// Writes what is made from the commands of the build: docs/cli-reference.md, the help of every one of them, and
// src/cli/listing.ts, by which the program starts without loading them all. Tests compare both with the code.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format } from 'prettier';

const root = join(import.meta.dirname, '..');
const require = createRequire(import.meta.url);
const { createProgram } = require(join(root, 'dist/cli/program.js'));
const { listingOf, referencePage } = require(join(root, 'dist/cli/reference.js'));

writeFileSync(join(root, 'docs/cli-reference.md'), referencePage(createProgram()));

const listing = `/** What the help says of each command; made by \`npm run docs:cli\`. */
export const LISTING: ReadonlyArray<{ name: string; term: string; description: string }> = ${JSON.stringify(listingOf(createProgram()))};`;
const style = { parser: 'typescript', singleQuote: true, printWidth: 110 };
writeFileSync(join(root, 'src/cli/listing.ts'), await format(listing, style));
