/** The policy of a schedule as a line of text: `overlap=queue,catchUp=latest,slack=5m`. */
import { durationMs } from '../duration';
import {
  CatchUp,
  DaylightSaving,
  MAX_CATCH_UP_WINDOW_SECONDS,
  MAX_SLACK_SECONDS,
  OverlapPolicy,
  type ScheduleInput,
} from './schema';
import { closest } from './suggest';

/** What a schedule does beside its times. */
export type SchedulePolicy = Pick<ScheduleInput, 'overlap' | 'catchUp' | 'slackSeconds' | 'dst'>;

export type PolicyParse =
  | { readonly ok: true; readonly policy: SchedulePolicy }
  | { readonly ok: false; readonly problem: string; readonly mend: string };

/** Longer than any policy with a meaning. */
const MAX_POLICY_LENGTH = 500;
const EXAMPLE = 'Write it as overlap=queue,catchUp=latest,window=7d,slack=5m';

const MODES = CatchUp.shape.mode.unwrap().options;
const GAPS = DaylightSaving.shape.gap.unwrap().options;
const DOUBLES = DaylightSaving.shape.double.unwrap().options;

/** Whole seconds of `90`, `90s`, `5m`, `2h` or `7d`; undefined for anything else. */
export function durationSeconds(text: string): number | undefined {
  const written = text.trim();
  const ms = durationMs(/^\d+$/.test(written) ? `${written}s` : written);
  return ms === undefined || ms % 1_000 !== 0 ? undefined : ms / 1_000;
}

type Read = (value: string) => SchedulePolicy | string;

/** By name, what is read of a value; a text says which values there are. */
const FIELDS: Readonly<Record<string, Read>> = {
  overlap: (value) => oneOf(OverlapPolicy.options, value, (overlap) => ({ overlap })),
  catchUp: (value) => oneOf(MODES, value === 'last' ? 'latest' : value, (mode) => ({ catchUp: { mode } })),
  window: (value) =>
    aTime(value, MAX_CATCH_UP_WINDOW_SECONDS, (windowSeconds) => ({ catchUp: { windowSeconds } })),
  slack: (value) => aTime(value, MAX_SLACK_SECONDS, (slackSeconds) => ({ slackSeconds })),
  gap: (value) => oneOf(GAPS, value, (gap) => ({ dst: { gap } })),
  double: (value) => oneOf(DOUBLES, value, (double) => ({ dst: { double } })),
};

function oneOf<T extends string>(
  options: readonly T[],
  value: string,
  make: (option: T) => SchedulePolicy,
): SchedulePolicy | string {
  const option = options.find((each) => each === value);
  return option === undefined ? `one of ${options.join(', ')}` : make(option);
}

function aTime(
  value: string,
  most: number,
  make: (seconds: number) => SchedulePolicy,
): SchedulePolicy | string {
  const seconds = durationSeconds(value);
  if (seconds === undefined) return 'a time such as 90s, 5m, 2h or 7d';
  return seconds > most ? `at most ${most}s` : make(seconds);
}

/** Reads a policy; a wrong one comes back as the problem and its mend. */
export function parsePolicy(text: string): PolicyParse {
  if (text.length > MAX_POLICY_LENGTH)
    return { ok: false, problem: `the policy is longer than ${MAX_POLICY_LENGTH} characters`, mend: EXAMPLE };
  let policy: SchedulePolicy = {};
  const seen = new Set<string>();
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=', 2).map((each) => each.trim());
    const known = Object.keys(FIELDS).find((field) => plain(field) === plain(name));
    const read = known === undefined ? unknown(name) : fieldOf(known, value, seen);
    if ('problem' in read) return { ok: false, ...read };
    policy = merged(policy, read);
  }
  return { ok: true, policy };
}

function fieldOf(name: string, value: string, seen: Set<string>): SchedulePolicy | Wrong {
  if (seen.has(name)) return { problem: `${name} is given twice`, mend: 'Keep one of them' };
  seen.add(name);
  const read = FIELDS[name]?.(value) ?? '';
  return typeof read === 'string' ? { problem: `${name} is "${value}"`, mend: `It is ${read}` } : read;
}

interface Wrong {
  problem: string;
  mend: string;
}

function unknown(name: string): Wrong {
  const near = closest(name, Object.keys(FIELDS));
  return {
    problem: `a policy has no "${name}"`,
    mend: near === undefined ? EXAMPLE : `Did you mean "${near}"?`,
  };
}

/** One policy over another, field by field. */
export const merged = (below: SchedulePolicy, above: SchedulePolicy): SchedulePolicy => ({
  ...below,
  ...above,
  ...((below.catchUp ?? above.catchUp) && { catchUp: { ...below.catchUp, ...above.catchUp } }),
  ...((below.dst ?? above.dst) && { dst: { ...below.dst, ...above.dst } }),
});

/** `catch-up` and `catchup` are as good as `catchUp`. */
const plain = (name: string): string => name.replace(/-/g, '').toLowerCase();
