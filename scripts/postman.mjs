// Writes the Postman collection and its environment from what the build knows of the API. With
// --check it writes nothing and fails when a file is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { postmanFiles } = createRequire(import.meta.url)('../dist/cli/postman/index.js');
const check = process.argv.includes('--check');

for (const [path, text] of Object.entries(postmanFiles())) {
  const file = join(root, path);
  if (check && readFileSync(file, 'utf8') !== text) {
    console.error(`${path} is out of date: npm run postman`);
    process.exitCode = 1;
  } else if (!check) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    console.log(`wrote ${path}`);
  }
}
