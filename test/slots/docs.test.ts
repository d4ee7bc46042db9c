import { existsSync, readFileSync } from 'node:fs';
import { Contract } from '../../src/slots/config';

const text = readFileSync('docs/slots.md', 'utf8');
const section = (title: string) => text.split(`\n## ${title}\n`)[1]?.split('\n## ')[0] ?? '';
const rows = (of: string) => of.split('\n').filter((line) => line.startsWith('| '));

describe('docs/slots.md', () => {
  it('names tests that are there for each threat', () => {
    const threats = rows(section('Threats')).slice(2);
    expect(threats.length).toBeGreaterThan(25);
    for (const row of threats) {
      const tests = (row.split(' | ').at(-1) ?? '').replace(/ \|$/, '').split('<br>');
      for (const test of tests) {
        const [, file = '', title = ''] = /^`(test\/slots\/[\w-]+\.test\.ts)`: (.+?) *$/.exec(test) ?? [];
        expect(existsSync(file) ? file : row).toBe(file);
        const source = readFileSync(file, 'utf8').replaceAll("\\'", "'");
        expect(source.includes(title) ? title : `${title} is not in ${file}`).toBe(title);
      }
    }
  });

  it('shows a contract that can be read, with all that is required', () => {
    const [, shown = ''] = /```json\n([\s\S]*?)```/.exec(section('The contract')) ?? [];
    const data = JSON.parse(shown) as object;
    expect(Contract.safeParse(data).error).toBeUndefined();
    expect(Object.keys(Contract.shape)).toEqual(expect.arrayContaining(Object.keys(data)));
  });

  it('has every field of the contract, and no other', () => {
    const told = rows(section('The contract'))
      .slice(2)
      .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]));
    expect(told.sort()).toEqual(Object.keys(Contract.shape).sort());
  });
});
