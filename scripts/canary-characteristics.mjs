// Recomputes the table of operating characteristics in docs/canary.md; prints it.
import { URL } from 'node:url';
import { readFileSync, writeFileSync } from 'node:fs';
import characteristics from '../dist/domain/rollout/characteristics.js';

const { characteristicsOf, characteristicsTable, SCENARIOS } = characteristics;
const DOCUMENT = new URL('../docs/canary.md', import.meta.url);
const PLACE = /(<!-- characteristics -->\n)[^]*?(<!-- \/characteristics -->)/;

const table = characteristicsTable(SCENARIOS.map((scenario) => characteristicsOf(scenario)));
const text = readFileSync(DOCUMENT, 'utf8');
if (!PLACE.test(text))
  throw new Error(
    'docs/canary.md has no place for the table: put <!-- characteristics --> and <!-- /characteristics --> there',
  );
writeFileSync(
  DOCUMENT,
  text.replace(PLACE, (_, from, to) => `${from}\n${table}\n\n${to}`),
);
process.stdout.write(`${table}\n`);
