/** `agent.check.json`: what an agent's author tells about its job, so that it can be checked. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export const INPUT_FILE = 'agent.check.json';

const jobInput = z.record(z.string(), z.unknown());

/** Strings in the inputs may name addresses that the checker serves itself; see `fillIn`. */
export const CheckInputs = z.strictObject({
  /** Ends soon, as success. */
  quick: jobInput.optional(),
  /** Keeps the job at work until it is stopped, for at least 20 s. */
  slow: jobInput.optional(),
  /** Does not fit the job. */
  wrong: jobInput.optional(),
  /** What the error about `wrong` has to name. */
  wrongField: z.string().min(1).optional(),
  /** Send all jobs but the slow ones as dry runs: the agent shall have no effects while it is checked. */
  dryRun: z.boolean().optional(),
  /** How many jobs the agent takes at a time. */
  concurrency: z.number().int().min(1).max(32).optional(),
  /** Variables it is booted with where it is validated; who checks a running agent has set them already. */
  env: z.record(z.string().regex(/^[A-Za-z_]\w*$/, 'is not the name of a variable'), z.string()).optional(),
});
export type CheckInputs = z.infer<typeof CheckInputs>;

/**
 * Reads the inputs from a file, or from the agent's folder that holds it.
 * @throws Error that names the file and what is wrong in it
 */
export async function readInputs(path: string): Promise<CheckInputs> {
  const file = (await stat(path).catch(() => undefined))?.isDirectory() ? join(path, INPUT_FILE) : path;
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new Error(`${file} cannot be read (${cause.code ?? cause.message})`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = CheckInputs.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path: at, message }) => `${at.join('.') || 'the file'}: ${message}`,
  );
  throw new Error(
    `${file} does not fit: ${problems.join('; ')}. It holds quick, slow, wrong, wrongField, dryRun, concurrency, env.`,
  );
}

/** `{ "{{repeat 3}}": "word {{n}}" }` stands for a list of three, for jobs that are slow by much work. */
const REPEAT = /^\{\{repeat (\d{1,6})\}\}$/;

/** Puts the checker's own addresses where an input names them, and lists where it describes them. */
export function fillIn<T>(value: T, places: Record<string, string>): T {
  if (typeof value === 'string')
    return value.replace(/\{\{(\w+)\}\}/g, (whole, name: string) => places[name] ?? whole) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => fillIn(item, places)) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, unknown>);
  const [[key = '', item] = []] = entries;
  const times = entries.length === 1 ? REPEAT.exec(key)?.[1] : undefined;
  if (times !== undefined)
    return Array.from({ length: Number(times) }, (_, n) => fillIn(item, { ...places, n: String(n) })) as T;
  return Object.fromEntries(entries.map(([name, inner]) => [name, fillIn(inner, places)])) as T;
}
