/** Between the messages of deployments.proto, as proto-loader gives them, and the shapes of the API. */
import type { Deployment } from '../http/deployments';

/** A message as it came: its fields in the words of the .proto; what was not sent is not there. */
export type Message = Readonly<Record<string, unknown>>;

/** `agent_id` to `agentId`. What is inside of a field stays as it is. */
export const camelKeys = (message: Message): Record<string, unknown> =>
  Object.fromEntries(Object.entries(message).map(([key, value]) => [camel(key), value]));

const camel = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A Strategy as people write it in YAML: the same but for the stage that has two forms there. */
export function documentOf(strategy: unknown): unknown {
  const { stages, ...rest } = strategy as { stages?: Message[] };
  if (!stages) return rest;
  return {
    ...rest,
    stages: stages.map(({ shadow_with: compared, ...stage }) => (compared ? { shadow: compared } : stage)),
  };
}

/** The fields in which the API writes a time. */
const TIMES: ReadonlySet<string> = new Set([
  'stageSince',
  'createdAt',
  'finishedAt',
  'expiresAt',
  'at',
  'since',
]);
/** Fields that are one of an enum there, and how its values begin. */
const ENUMS: Readonly<Record<string, string>> = { status: 'DEPLOYMENT_STATUS', verdict: 'VERDICT' };

/** A rollout of the API as the message Deployment: null is left out, times and enums are of their types. */
export const toDeployment = (view: Deployment): Message => toMessage(view);

function toMessage(value: object): Record<string, unknown> {
  const fields = Object.entries(value).filter(([, member]) => member !== null && member !== undefined);
  return Object.fromEntries(fields.map(([key, member]) => [snake(key), toField(key, member)]));
}

function toField(key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((member: unknown) => toField('', member));
  if (typeof value === 'object' && value !== null) return toMessage(value);
  if (typeof value !== 'string') return value;
  if (TIMES.has(key)) return timestamp(value);
  const prefix = ENUMS[key];
  return prefix === undefined ? value : enumName(prefix, value);
}

/** `rolled-back` to `DEPLOYMENT_STATUS_ROLLED_BACK`. */
export const enumName = (prefix: string, word: string): string =>
  `${prefix}_${word.replaceAll('-', '_').toUpperCase()}`;

const SECOND_MS = 1_000;
const MS_NS = 1_000_000;

/** google.protobuf.Timestamp. */
function timestamp(iso: string): { seconds: number; nanos: number } {
  const ms = Date.parse(iso);
  const seconds = Math.floor(ms / SECOND_MS);
  return { seconds, nanos: (ms - seconds * SECOND_MS) * MS_NS };
}
