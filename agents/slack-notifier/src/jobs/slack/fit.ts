/** Cuts blocks to the sizes Slack takes, so that a long message arrives shortened instead of not at all. */
import type { Block } from './schema';

/** https://docs.slack.dev/reference/block-kit/blocks; lengths in characters. */
export const LIMITS = {
  blocks: 50,
  header: 150,
  section: 3000,
  fields: 10,
  field: 2000,
  contextElements: 10,
  /** Of the message's own text, which notifications show. */
  text: 4000,
} as const;

const LEFT_OUT = (count: number): Block => ({
  type: 'context',
  elements: [{ type: 'mrkdwn', text: `${count} more blocks were left out: Slack shows ${LIMITS.blocks}.` }],
});

export function fitBlocks(blocks: readonly Block[]): Block[] {
  const fitted = blocks.flatMap(fitBlock);
  if (fitted.length <= LIMITS.blocks) return fitted;
  const kept = fitted.slice(0, LIMITS.blocks - 1);
  return [...kept, LEFT_OUT(fitted.length - kept.length)];
}

/** Shortens to `length`, marking the cut; never in the middle of an escape such as `&amp;`. */
export function clip(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/&[a-z]{0,4}$|[\uD800-\uDBFF]$/, '')}…`;
}

/** Pieces of at most `length`, cut at the end of a line where there is one, else at a space. */
export function split(text: string, length: number): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > length) {
    const head = rest.slice(0, length);
    const at = [head.lastIndexOf('\n'), head.lastIndexOf(' ')].find((index) => index > length / 2);
    const whole = at === undefined ? head.replace(/&[a-z]{0,4}$|[\uD800-\uDBFF]$/, '') : head.slice(0, at);
    pieces.push(whole);
    rest = rest.slice(whole.length).trimStart();
  }
  return rest === '' ? pieces : [...pieces, rest];
}

function fitBlock(block: Block): Block[] {
  if (block.type === 'header') return [{ ...block, text: fitText(block.text, LIMITS.header) }];
  if (block.type === 'context' && Array.isArray(block.elements))
    return [{ ...block, elements: block.elements.slice(0, LIMITS.contextElements) as unknown[] }];
  if (block.type !== 'section') return [block];
  const fitted = Array.isArray(block.fields)
    ? { ...block, fields: block.fields.slice(0, LIMITS.fields).map((one) => fitText(one, LIMITS.field)) }
    : block;
  if (!isText(block.text) || block.text.text.length <= LIMITS.section) return [fitted];
  const text = block.text;
  // What else the section holds, a button say, stays with its first piece; ids must not repeat.
  return split(text.text, LIMITS.section).map((piece, n) =>
    n === 0 ? { ...fitted, text: { ...text, text: piece } } : section(piece, text.type),
  );
}

export function section(text: string, type = 'mrkdwn'): Block {
  return { type: 'section', text: { type, text } };
}

interface Text {
  type: string;
  text: string;
}

function isText(value: unknown): value is Text {
  const { type, text } = (value ?? {}) as Partial<Text>;
  return typeof type === 'string' && typeof text === 'string';
}

function fitText(value: unknown, length: number): unknown {
  return isText(value) ? { ...value, text: clip(value.text, length) } : value;
}
