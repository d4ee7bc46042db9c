/**
 * The log: a line of JSON each, with the ids by which a run is found elsewhere, and without secrets. What is secret
 * is taken out of the finished line, wherever in it: errors of libraries carry addresses and headers in their texts.
 */
import { pino, type DestinationStream, type Logger } from 'pino';
import { VARIABLES } from '../config';
import { traceIdOf } from '../domain/trace';
import { redactText } from '../inbox/redact';

type Env = Readonly<Record<string, string | undefined>>;

export interface LogOptions {
  level: string;
  /** Where the secrets are that must not be in it. */
  env: Env;
  /** Default: standard output. */
  to?: DestinationStream;
}

const AGENT_SECRET = /^CC_AGENT_SECRET_/;
/** Shorter ones are words that lines are full of; the doctor tells of them. */
const MIN_SECRET = 8;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function createLog({ level, env, to = pino.destination(1) }: LogOptions): Logger {
  const secrets = secretsOf(env);
  const clean = { write: (line: string) => void to.write(redactText(line, secrets)) };
  return pino({ level, formatters: { log: withTrace } }, clean);
}

/** A run is told as `run` or `runId`; its trace is found by this. */
function withTrace(fields: Record<string, unknown>): Record<string, unknown> {
  const run = fields['run'] ?? fields['runId'];
  return typeof run === 'string' && UUID.test(run) ? { ...fields, traceId: traceIdOf(run) } : fields;
}

/** Every secret of an environment, and of those that are addresses or lists their parts. Longest first. */
export function secretsOf(env: Env): string[] {
  const named = Object.entries(VARIABLES).flatMap(([name, { secret }]: [string, { secret?: true }]) =>
    secret ? [env[name]] : [],
  );
  const ofAgents = Object.entries(env).flatMap(([name, value]) => (AGENT_SECRET.test(name) ? [value] : []));
  const all = [...named, ...ofAgents].flatMap((value = '') => partsOf(value.trim()));
  return [...new Set(all)].filter((part) => part.length >= MIN_SECRET).sort((a, b) => b.length - a.length);
}

function partsOf(value: string): string[] {
  if (URL.canParse(value)) {
    const { password, pathname, search, protocol } = new URL(value);
    const token = protocol.startsWith('http') ? [pathname.slice(1), search.slice(1)] : [];
    return [value, password, decoded(password), ...token];
  }
  const pairs = value.split(',').map((part) => part.trim());
  return [
    value,
    ...pairs,
    ...pairs.flatMap((pair) => [pair.replace(/^[\w-]+=/, '')]).flatMap((p) => [p, decoded(p)]),
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
