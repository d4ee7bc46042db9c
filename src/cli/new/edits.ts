/** The lines that make an agent known to the orchestrator: in its registry, and in its example environment. */
import type { Names } from './names';

export const REGISTRY = 'src/registry/index.ts';
export const ENVIRONMENT = '.env.example';

/** Where prettier breaks a line. */
const WIDTH = 110;
const FIRST_PORT = 3_101;
const LAST_PORT = 65_535;

export interface Edit {
  /** From the root of the repository. */
  readonly path: string;
  /** What is added, without the indentation of its place. */
  readonly added: string;
  /** The text with it; undefined when no place for it was found. */
  readonly apply: (text: string) => string | undefined;
}

/** A port of this machine that no agent of these files is at yet. */
export function freePortIn(texts: readonly string[]): number {
  const used = new Set(
    texts.flatMap((text) => [...text.matchAll(/localhost:(\d+)/g)].map(([, port]) => Number(port))),
  );
  for (let port = FIRST_PORT; port < LAST_PORT; port++) if (!used.has(port)) return port;
  return FIRST_PORT;
}

/** Whether the registry's text has an agent of this id. */
export function hasAgent(text: string, id: string): boolean {
  const list = agentsOf(text.split(/\r?\n/));
  const lines = list ? text.split(/\r?\n/).slice(list.start, list.end) : [];
  return lines.some((line) => new RegExp(`\\bid: ["'\`]${id}["'\`]`).test(line));
}

export function registryEdit(names: Names, port: number): Edit {
  return {
    path: REGISTRY,
    added: entry(names, port, 'env', '').join('\n'),
    apply: (text) => {
      const end = text.includes('\r\n') ? '\r\n' : '\n';
      const lines = text.split(end);
      const list = agentsOf(lines);
      const env = /(\S+)\.CC_CAPSULE_ID_/.exec(text)?.[1] ?? /\bregistry\((\w+): /.exec(text)?.[1];
      if (!list || env === undefined) return undefined;
      const { start, end: close, indent } = list;
      const added = entry(names, port, env, `${indent}  `);
      const open = start === close ? [`${indent}agents: [`, ...added, `${indent}],`] : undefined;
      if (open) lines.splice(start, 1, ...open);
      else lines.splice(close, 0, ...added);
      return lines.join(end);
    },
  };
}

export function environmentEdit({ id, variables }: Names, port: number): Edit {
  const { capsuleId, baseUrl, secret } = variables;
  const added = [`# The agent ${id}.`, `${capsuleId}=`, `${baseUrl}=http://localhost:${port}`, `${secret}=`];
  return {
    path: ENVIRONMENT,
    added: added.join('\n'),
    apply: (text) => {
      const end = text.includes('\r\n') ? '\r\n' : '\n';
      const lines = text.split(end);
      if (lines.some((line) => line.startsWith(`${capsuleId}=`))) return text;
      const last = lines.findLastIndex((line) => /^CC_AGENT_SECRET_[A-Z0-9_]+=/.test(line));
      if (last < 0) return undefined;
      lines.splice(last + 1, 0, '', ...added);
      return lines.join(end);
    },
  };
}

interface List {
  /** The line that opens it; the one that closes it, the same when it is empty. */
  readonly start: number;
  readonly end: number;
  readonly indent: string;
}

/** The list of agents as prettier writes it, if there is exactly one. */
function agentsOf(lines: readonly string[]): List | undefined {
  const starts = lines.flatMap((line, n) => (/^\s*agents: \[(?:\],)?$/.test(line) ? [n] : []));
  const [start] = starts;
  if (start === undefined || starts.length > 1) return undefined;
  const indent = /^\s*/.exec(lines[start] ?? '')?.[0] ?? '';
  if (lines[start]?.endsWith('],')) return { start, end: start, indent };
  const length = lines.slice(start + 1).findIndex((line) => !(line === '' || line.startsWith(`${indent} `)));
  const end = start + 1 + length;
  return length >= 0 && lines[end] === `${indent}],` ? { start, end, indent } : undefined;
}

function entry({ id, title, variables }: Names, port: number, env: string, indent: string): string[] {
  const fits = (line: string): boolean => line.length <= WIDTH;
  const property = (key: string, value: string): string[] => {
    const [line, below] = [`${indent}  ${key}: ${value},`, `${indent}    ${value},`];
    if (fits(line)) return [line];
    return [
      `${indent}  ${key}:`,
      ...(fits(below) ? [below] : below.replace(' ?? ', ` ??\n${indent}    `).split('\n')),
    ];
  };
  return [
    `${indent}{`,
    ...property('id', `'${id}'`),
    ...property('name', `'${title}'`),
    ...property('capsuleId', `${env}.${variables.capsuleId} ?? ''`),
    ...property('baseUrl', `${env}.${variables.baseUrl} ?? 'http://localhost:${port}'`),
    `${indent}},`,
  ];
}
