/** Secrets in the environment: too short, guessable, or the same in two places. Names are told, never values. */
import { VARIABLES } from '../config';
import { fail, ok, warn, type Finding } from './finding';

type Env = Readonly<Record<string, string | undefined>>;

const MIN_LENGTH = 24;
const MIN_DISTINCT = 10;
const DEFAULTS = /(change.?me|password|secret|example|test|default|123456|qwerty|letmein|your[-_]|xxxx)/i;
/** The values of these hold names and addresses too, or are chosen by others. */
const SENSIBLE = /(SECRET|TOKEN|KEY|PASSWORD)(S?$|_)/;
const OURS = /^(API_KEYS|CALLBACK_SECRET|NOTIFY_WEBHOOK_SECRET|CC_AGENT_SECRET_)/;
const NOT_A_SECRET = /^sha256:[0-9a-f]{64}$/;

export function examineSecrets(env: Env): Finding[] {
  const given = valuesOf(env);
  const weak = given
    .filter(({ name }) => OURS.test(name))
    .flatMap(({ name, value }) => {
      const reason = weaknessOf(value);
      return reason === undefined
        ? []
        : [warn('secrets', `${name} ${reason}`, `${name}="$(openssl rand -hex 32)"`)];
    });
  const twice = repeated(given).map((names) =>
    fail('secrets', `${names.join(' and ')} have the same value`, 'Give each a value of its own'),
  );
  if (weak.length + twice.length > 0) return [...twice, ...weak];
  return [ok('secrets', `${given.length} in the environment, each long and its own`)];
}

function valuesOf(env: Env): Array<{ name: string; value: string }> {
  const known = new Map(Object.entries(VARIABLES).map(([name, { secret }]) => [name, secret === true]));
  const isOne = (name: string) => known.get(name) ?? /^CC_AGENT_SECRET_/.test(name);
  return Object.entries(env)
    .filter(([name]) => isOne(name) && SENSIBLE.test(name))
    .flatMap(([name, text = '']) => text.split(',').map((value) => ({ name, value: value.trim() })))
    .filter(({ value }) => value !== '' && !NOT_A_SECRET.test(value));
}

function weaknessOf(value: string): string | undefined {
  if (value.length < MIN_LENGTH) return `is shorter than ${MIN_LENGTH} characters`;
  if (new Set(value).size < MIN_DISTINCT) return 'repeats a few characters';
  return DEFAULTS.test(value) ? 'looks like an example' : undefined;
}

function repeated(given: ReadonlyArray<{ name: string; value: string }>): string[][] {
  const byValue = new Map<string, Set<string>>();
  for (const { name, value } of given) byValue.set(value, (byValue.get(value) ?? new Set()).add(name));
  return [...byValue.values()].filter((names) => names.size > 1).map((names) => [...names]);
}
