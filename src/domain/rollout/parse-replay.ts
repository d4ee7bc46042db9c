/** Reads the stage `replay`, and what two deliveries may differ in. */
import { canShow, marginFor } from './replay';
import {
  MAX_REPLAY_TASKS,
  REPLAY_PLACES,
  REPLAY_SINCE_MS,
  REPLAY_TASKS,
  REPLAY_WITHIN_MS,
  UNRECORDED,
  type ReplayStage,
} from './strategy';
import { EXACT, type PlacePattern, type Tolerance } from './tolerance';
import { rolloutMs, percentOf } from './words';

/** Notes a problem: its place, and its mend. */
export type Wrong = (at: string, message: string) => void;

const FIELDS = ['tasks', 'since', 'within', 'margin', 'tolerance', 'where', 'unrecorded'];
const TOLERANCES = ['numbers', 'ignore', 'sets'];
/** Patterns of one list, and characters of one of them. */
const MAX_PATTERNS = 100;
const MAX_PATTERN = 500;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `20`, or `{ tasks: 20, since: 30d, within: 1h, margin: 5%, where: sandbox, tolerance: … }`. */
export function parseReplay(value: unknown, at: string, wrong: Wrong): Omit<ReplayStage, 'compare'> {
  const given: Record<string, unknown> = isObject(value) ? value : { tasks: value };
  known(given, FIELDS, at, wrong);
  const time = (field: string, fallback: number): number => {
    if (given[field] === undefined) return fallback;
    const ms = rolloutMs(given[field]);
    if (ms === undefined || ms === 0)
      wrong(`${at}.${field}`, 'is no time: write a time like 30m, 1h or 30d, 90 days at most');
    return ms ?? fallback;
  };
  const tasks = tasksOf(given['tasks'] ?? REPLAY_TASKS, isObject(value) ? `${at}.tasks` : at, wrong);
  return {
    ...{ kind: 'replay', tasks, margin: marginOf(given['margin'], tasks, `${at}.margin`, wrong) },
    sinceMs: time('since', REPLAY_SINCE_MS),
    withinMs: time('within', REPLAY_WITHIN_MS),
    tolerance: parseTolerance(given['tolerance'] ?? {}, `${at}.tolerance`, wrong),
    where: oneOf(given['where'], REPLAY_PLACES, `${at}.where`, wrong),
    unrecorded: oneOf(given['unrecorded'], UNRECORDED, `${at}.unrecorded`, wrong),
  };
}

/** The first of them where nothing is given. */
function oneOf<T extends string>(value: unknown, known: readonly [T, ...T[]], at: string, wrong: Wrong): T {
  const found = known.find((one) => one === value);
  if (value !== undefined && found === undefined) wrong(at, `is to be ${known.join(' or ')}`);
  return found ?? known[0];
}

function tasksOf(value: unknown, at: string, wrong: Wrong): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_REPLAY_TASKS)
    return value as number;
  wrong(at, `is to be a whole number from 1 to ${MAX_REPLAY_TASKS}, or { tasks: 20, since: 30d }`);
  return REPLAY_TASKS;
}

/** What could not pass however good the candidate is, is no gate. */
function marginOf(value: unknown, tasks: number, at: string, wrong: Wrong): number {
  const least = marginFor(tasks);
  if (value === undefined) return least;
  const share = percentOf(value);
  if (share === undefined || share === 100)
    wrong(at, 'is to be a share above 0% and below 100%: write e.g. 5%');
  else if (!canShow(tasks, share / 100))
    wrong(
      at,
      `is more than ${tasks} tasks can show: take ${Math.round(100 * least)}% or more, or more tasks`,
    );
  else return share / 100;
  return least;
}

/** `{ numbers: 1%, ignore: [meta.at, 'items.*.id'], sets: [tags] }`. */
export function parseTolerance(value: unknown, at: string, wrong: Wrong): Tolerance {
  if (!isObject(value)) {
    wrong(at, 'is to be an object, as in { numbers: 1%, ignore: [meta.at], sets: [tags] }');
    return EXACT;
  }
  known(value, TOLERANCES, at, wrong);
  const numbers = value['numbers'] === undefined ? 100 * EXACT.numbers : percentOf(value['numbers']);
  if (numbers === undefined) wrong(`${at}.numbers`, 'is to be a share of the larger number: write e.g. 1%');
  return {
    numbers: (numbers ?? 0) / 100,
    ignore: patterns(value['ignore'], `${at}.ignore`, wrong),
    sets: patterns(value['sets'], `${at}.sets`, wrong),
  };
}

function patterns(value: unknown, at: string, wrong: Wrong): PlacePattern[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > MAX_PATTERNS) {
    wrong(at, `is to be a list of at most ${MAX_PATTERNS} places like meta.at or items.*.id`);
    return [];
  }
  return value.flatMap((item: unknown, i) => {
    const parts = typeof item === 'string' && item.length <= MAX_PATTERN ? item.split('.') : [''];
    if (!parts.includes('')) return [parts];
    wrong(`${at}[${i}]`, 'is no place in an output: write keys and list positions like items.*.id');
    return [];
  });
}

function known(given: Record<string, unknown>, fields: readonly string[], at: string, wrong: Wrong): void {
  for (const field of Object.keys(given).filter((f) => !fields.includes(f)))
    wrong(`${at}.${field}`, `is not known here: use ${fields.join(', ')}`);
}
