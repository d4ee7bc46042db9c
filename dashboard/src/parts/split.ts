/** The parts of a shift, in their order, with the colours of the waterfall. */
import type { Part } from './bar';
import { duration } from './time';

const PARTS = [
  ['boot', 'boot'],
  ['prewarm', 'queued'],
  ['work', 'work'],
  ['linger', 'linger'],
  ['drain', 'sleep'],
] as const;

export type Split = Record<(typeof PARTS)[number][0], number>;

/** @param ms milliseconds of each */
export const splitParts = (ms: Split): Part[] =>
  PARTS.map(([name, tone]) => ({ name, tone, value: ms[name], text: duration(ms[name]) }));

export const SPLIT_LEGEND = PARTS.map(([name, tone]) => ({ name, tone }));
