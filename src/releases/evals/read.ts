/** The suites of an agent: every JSON and YAML file directly in its `evals/`. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { MAX_CASES, suiteOf, type NamedSuite } from '../../domain/eval/suite';

export const EVALS = 'evals';
const IS_SUITE = /\.(json|ya?ml)$/i;

/** A suite that cannot be used; says where, and what is wrong. */
export class BadSuite extends Error {}

/** In the order of their files; empty where there is no such folder. @throws BadSuite */
export async function readSuites(folder: string): Promise<NamedSuite[]> {
  const names = await readdir(join(folder, EVALS)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const suites: NamedSuite[] = [];
  for (const name of names.filter((n) => IS_SUITE.test(n)).sort()) suites.push(await suiteIn(folder, name));
  const cases = suites.reduce((sum, s) => sum + s.cases.length, 0);
  if (cases > MAX_CASES) throw new BadSuite(`${EVALS}/ holds ${cases} cases: ${MAX_CASES} are the most.`);
  return suites;
}

async function suiteIn(folder: string, name: string): Promise<NamedSuite> {
  const at = `${EVALS}/${name}`;
  const content = await readFile(join(folder, at), 'utf8');
  let value: unknown;
  try {
    value = parse(content, { maxAliasCount: 10 });
  } catch (error) {
    throw new BadSuite(`${at} is neither YAML nor JSON: ${(error as Error).message}`, { cause: error });
  }
  try {
    return suiteOf(value, at);
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const problems = error.issues.slice(0, 5).map((i) => `${i.path.join('.') || 'it'}: ${i.message}`);
    throw new BadSuite(`${at} does not fit: ${problems.join('; ')}`, { cause: error });
  }
}
