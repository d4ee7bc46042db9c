/** Transitions as they are found by trying everything, and as the diagrams in the docs draw them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const DOCUMENT = join(__dirname, '../../docs/state-machine.md');

/** `from --> to: event`, one per event; what leaves a status as it is is no arrow. */
export type Arrows = Set<string>;

export class Transitions {
  private readonly cells = new Map<string, Set<string>>();

  add(from: string, event: string, to: string): void {
    const key = `${from} ${event}`;
    const cell = this.cells.get(key);
    if (cell) cell.add(to);
    else this.cells.set(key, new Set([to]));
  }

  from(status: string, event: string): string[] {
    return [...(this.cells.get(`${status} ${event}`) ?? [])].sort();
  }

  arrows(): Arrows {
    const arrows: Arrows = new Set();
    for (const [key, cell] of this.cells) {
      const [from, event] = key.split(' ');
      for (const to of cell) if (to !== from) arrows.add(`${from} --> ${to}: ${event}`);
    }
    return arrows;
  }
}

export interface Diagram {
  arrows: Arrows;
  /** Arrows from and to `[*]`, sorted. */
  boundaries: string[];
}

/** The Mermaid diagram below a heading of the document. Mermaid's names know no hyphen: `_` stands for it. */
export function diagram(heading: string): Diagram {
  const text = readFileSync(DOCUMENT, 'utf8');
  const section = text.split(/^## /m).find((s) => s.startsWith(`${heading}\n`));
  const source = section && /```mermaid\nstateDiagram-v2\n([^]*?)```/.exec(section)?.[1];
  if (!source) throw new Error(`docs/state-machine.md has no diagram below "${heading}"`);
  const arrows: Arrows = new Set();
  const boundaries: string[] = [];
  for (const line of source.split('\n').filter((l) => l.includes('-->'))) {
    const [, from = '', to = '', label = ''] = /^\s*(\S+) --> ([^\s:]+)(?:: (.+))?$/.exec(line) ?? [];
    if (!from) throw new Error(`not a transition: ${line}`);
    const [start, end] = [from, to].map((name) => name.replaceAll('_', '-'));
    if (from === '[*]' || to === '[*]') boundaries.push(`${start} --> ${end}`);
    else for (const event of label.split(', ')) arrows.add(`${start} --> ${end}: ${event}`);
  }
  return { arrows, boundaries: boundaries.sort() };
}

/** What only the diagram has, and what only the code does. */
export function differences(drawn: Diagram, done: Arrows): string[] {
  return [
    ...[...drawn.arrows].filter((a) => !done.has(a)).map((a) => `only drawn: ${a}`),
    ...[...done].filter((a) => !drawn.arrows.has(a)).map((a) => `only done: ${a}`),
  ].sort();
}
