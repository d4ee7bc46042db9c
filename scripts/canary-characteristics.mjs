// Recomputes the tables of operating characteristics in docs/canary.md; prints them.
import { URL } from 'node:url';
import { readFileSync, writeFileSync } from 'node:fs';
import characteristics from '../dist/domain/rollout/characteristics.js';
import beside from '../dist/domain/rollout/characteristics-beside.js';

const { characteristicsOf, characteristicsTable, SCENARIOS } = characteristics;
const { besideCharacteristicsOf, BESIDE_SCENARIOS } = beside;
const DOCUMENT = new URL('../docs/canary.md', import.meta.url);
const TABLES = {
  characteristics: SCENARIOS.map((scenario) => characteristicsOf(scenario)),
  'characteristics beside': BESIDE_SCENARIOS.map((scenario) => besideCharacteristicsOf(scenario)),
};

let text = readFileSync(DOCUMENT, 'utf8');
for (const [name, rows] of Object.entries(TABLES)) {
  const place = new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- /${name} -->)`);
  if (!place.test(text))
    throw new Error(
      `docs/canary.md has no place for a table: put <!-- ${name} --> and <!-- /${name} --> there`,
    );
  const table = characteristicsTable(rows);
  text = text.replace(place, (_, from, to) => `${from}\n${table}\n\n${to}`);
  process.stdout.write(`${table}\n\n`);
}
writeFileSync(DOCUMENT, text);
