// Writes what is made from the routes: the Postman collection, its environment, and the table of
// docs/security.md. With --check it writes nothing and fails when a file is out of date.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const { postmanFiles } = require('../dist/cli/postman/index.js');
const { withScopeTable } = require('../dist/http/scopes.js');
const { ROUTES } = require('../dist/http/routes/index.js');
const check = process.argv.includes('--check');

const security = 'docs/security.md';
const files = {
  ...postmanFiles(),
  [security]: withScopeTable(readFileSync(join(root, security), 'utf8'), ROUTES),
};

for (const [path, text] of Object.entries(files)) {
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
