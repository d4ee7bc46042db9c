/** An agent's log line for people: its JSON lines in words, stacks line by line, anything else as it is. */
import { printable } from '../../output';
import type { Paint } from '../../terminal';
import { inSources } from './sources';

/** Said on every line by the agent, and of no use on a screen that shows one agent. */
const QUIET = new Set([
  'level',
  'time',
  'msg',
  'message',
  'agentId',
  'bootId',
  'pid',
  'hostname',
  'timestamp',
  'stack',
]);
/** pino's numbers. */
const LEVELS: Record<string, string> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
};
/** Agents from the scaffolds say so where their job cannot be loaded, or their queue not be opened: they stay up. */
const NOT_READY = 'not ready for work';
const MAX_VALUE_CHARS = 200;
/** Of a longer stack: where it begins, as Node names the place, and where it ends, as Python does. */
const STACK = { firstLines: 15, lastLines: 25 };

/** The lines to print for one line of the log of the agent in a folder. */
export function logLines(line: string, folder: string, paint: Paint): string[] {
  const entry = parse(line);
  const said = entry && saidBy(entry);
  if (!entry || said === undefined) return [printable(inSources(line, folder))];
  const level =
    typeof entry.level === 'number'
      ? (LEVELS[entry.level] ?? '')
      : typeof entry.level === 'string'
        ? entry.level
        : 'info';
  const more = Object.entries(entry)
    .filter(([name]) => !QUIET.has(name))
    .map(([name, value]) => `${name}=${shorten(typeof value === 'string' ? value : JSON.stringify(value))}`)
    .join(' ');
  const colour = /error|fatal/.test(level) ? paint.bad : /warn/.test(level) ? paint.warn : paint.dim;
  return [
    `${colour(level.padEnd(5))} ${printable(said)}${more === '' ? '' : ` ${paint.dim(printable(more))}`}`,
    ...stackLines(entry.stack, folder).map((at) => `  ${paint.dim(printable(at))}`),
  ];
}

/** Whether the agent tells that it answers, but can do no job. */
export function saysNotReady(line: string): boolean {
  const entry = parse(line);
  return entry !== undefined && saidBy(entry) === NOT_READY;
}

function saidBy({ msg, message }: Record<string, unknown>): string | undefined {
  const said = msg ?? message;
  return typeof said === 'string' ? said : undefined;
}

function stackLines(stack: unknown, folder: string): string[] {
  if (typeof stack !== 'string') return [];
  const lines = inSources(stack.trimEnd(), folder).split('\n');
  const [first, last] = [STACK.firstLines, STACK.lastLines];
  return lines.length <= first + last ? lines : [...lines.slice(0, first), '…', ...lines.slice(-last)];
}

const shorten = (text: string): string =>
  text.length > MAX_VALUE_CHARS ? `${text.slice(0, MAX_VALUE_CHARS)}…` : text;

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // a line that only looks like it
  }
}
