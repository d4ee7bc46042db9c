/** Whether what an agent takes and gives fits the workflows that use it, as far as schemas can tell. */
import type { VerdictKind } from '../rollout/verdict';
import { schemaProblems } from '../eval/attempt';
import type { AgentUse } from './uses';
import type { AgentSchemas } from './validation';

type Schema = Record<string, unknown>;

export interface FitFinding {
  verdict: VerdictKind;
  message: string;
}

export interface FitInput {
  agentId: string;
  own: AgentSchemas;
  /** A job it did, with success. */
  sample?: { input: Record<string, unknown>; output: Record<string, unknown> };
  /** Every use of it, and of the agents that are given its output. */
  uses: readonly AgentUse[];
  /** What is known of other agents. */
  others: ReadonlyMap<string, AgentSchemas>;
}

/** Empty: nothing is wrong, and nothing is open. */
export function contractFindings({ agentId, own, sample, uses, others }: FitInput): FitFinding[] {
  const known = new Map([...others, [agentId, own]]);
  const mine = uses.filter((u) => u.agentId === agentId);
  const fed = uses.filter((u) => u.agentId !== agentId && u.after.some((a) => a.agentId === agentId));
  return [
    ...sampleFindings(own, sample),
    ...(mine.length > 0 && !own.input ? [untold('takes', 'input')] : []),
    ...mine.flatMap((use) => inputFindings(use, known)),
    ...mine.flatMap((use) => readFindings(use, own.output)),
    // What another agent lacks besides is not this one's doing.
    ...fed.flatMap((use) => inputFindings(use, known)).filter((f) => f.verdict === 'fail'),
  ];
}

const untold = (does: string, field: 'input' | 'output'): FitFinding => ({
  verdict: 'inconclusive',
  message: `it does not tell what it ${does}: write the JSON Schema into agent.json as "schemas.${field}"`,
});

function sampleFindings(own: AgentSchemas, sample: FitInput['sample']): FitFinding[] {
  if (!sample) return [];
  const check = (what: 'input' | 'output') =>
    (own[what] ? schemaProblems(own[what], sample[what]) : []).map((problem) => ({
      verdict: 'fail' as const,
      message: `the ${what} of the job it did does not fit its own schema: ${problem}`,
    }));
  return [...check('input'), ...check('output')];
}

/** What a step is given against what its agent takes. */
function inputFindings(use: AgentUse, known: ReadonlyMap<string, AgentSchemas>): FitFinding[] {
  const schema = known.get(use.agentId)?.input;
  if (!schema) return [];
  const wanted = propertiesOf(schema);
  const outputs = use.after.map((a) => ({
    ...a,
    schema: a.agentId === null ? undefined : known.get(a.agentId)?.output,
  }));
  const at = `${use.workflowId}/${use.stepId}`;
  const givers = (name: string) => outputs.filter((o) => o.schema && name in propertiesOf(o.schema));
  const isUnknown = outputs.some((o) => !o.schema || !isClosed(o.schema));
  const given = Object.entries(use.gives).flatMap(([name, value]): FitFinding[] => {
    const one = wanted[name];
    if (!one || givers(name).length > 0 || isUnknown) return [];
    return schemaProblems(one, value).map((problem) => ({
      verdict: 'fail',
      message: `${at} gives ${name}: ${problem}`,
    }));
  });
  const merged = Object.entries(wanted).flatMap(([name, one]): FitFinding[] => {
    const last = givers(name).at(-1);
    const theirs = last?.schema && propertiesOf(last.schema)[name];
    if (!last || !theirs || typesFit(typesOf(theirs), typesOf(one))) return [];
    const message = `${at} is given ${name} by ${last.stepId} as ${words(theirs)}, and takes ${words(one)}`;
    return [{ verdict: 'fail', message }];
  });
  const missing = requiredOf(schema).flatMap((name): FitFinding[] => {
    if (name in use.gives || use.isOpen || givers(name).length > 0) return [];
    return isUnknown
      ? [{ verdict: 'inconclusive', message: `${at} needs ${name}, and ${unknownOf(outputs)}` }]
      : [{ verdict: 'fail', message: `${at} needs ${name}, and nothing gives it` }];
  });
  return [...given, ...merged, ...missing];
}

function unknownOf(outputs: ReadonlyArray<{ agentId: string | null; stepId: string; schema?: unknown }>) {
  const one = outputs.find((o) => !o.schema);
  const who = one?.agentId ?? one?.stepId ?? outputs[0]?.stepId ?? 'a step before';
  return `what ${who} gives is not known: validate a release of it as well`;
}

/** What workflows read of its output against what it gives. */
function readFindings({ workflowId, reads }: AgentUse, output: Schema | undefined): FitFinding[] {
  if (reads.length === 0) return [];
  if (!output) return [untold('gives', 'output')];
  return reads.flatMap(({ path, by }): FitFinding[] =>
    leadsNowhere(output, path)
      ? [{ verdict: 'fail', message: `${workflowId}/${by} reads ${path.join('.')}, which it does not give` }]
      : [],
  );
}

/** Only where the schema rules it out. */
function leadsNowhere(schema: Schema, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return false;
  const types = typesOf(schema);
  if (types && !types.has('object') && !types.has('array')) return true;
  const below = isObject(schema['items']) && /^\d+$/.test(key) ? schema['items'] : propertiesOf(schema)[key];
  if (below) return leadsNowhere(below, rest);
  return isClosed(schema);
}

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function propertiesOf(schema: Schema): Record<string, Schema> {
  const { properties } = schema;
  if (!isObject(properties)) return {};
  return Object.fromEntries(Object.entries(properties).filter((e): e is [string, Schema] => isObject(e[1])));
}

const requiredOf = ({ required }: Schema): string[] =>
  Array.isArray(required) ? required.filter((r) => typeof r === 'string') : [];

/** It says which properties there are, and that there are no others. */
const isClosed = (schema: Schema): boolean =>
  schema['additionalProperties'] === false && isObject(schema['properties']);

/** Undefined: any. */
function typesOf(schema: Schema): Set<string> | undefined {
  const { type, anyOf } = schema;
  if (typeof type === 'string') return new Set([type]);
  if (Array.isArray(type)) return new Set(type.filter((t) => typeof t === 'string'));
  if (!Array.isArray(anyOf)) return undefined;
  const all = anyOf.map((one) => (isObject(one) ? typesOf(one) : undefined));
  return all.every((t) => t !== undefined) ? new Set(all.flatMap((t) => [...t])) : undefined;
}

/** Whether a value of the one can be one of the other; what is not known can be. */
function typesFit(given: Set<string> | undefined, taken: Set<string> | undefined): boolean {
  if (!given || !taken) return true;
  const isTaken = (type: string) =>
    taken.has(type) ||
    (type === 'integer' && taken.has('number')) ||
    (type === 'number' && taken.has('integer'));
  return [...given].some(isTaken);
}

const words = (schema: Schema): string => [...(typesOf(schema) ?? ['anything'])].join(' or ');
