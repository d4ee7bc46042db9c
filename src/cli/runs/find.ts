/** Finds a run by what a person types: its id, the beginning of it, or `last`. */
import { RunSummary } from '../../http/views/run';
import type { ApiClient } from '../client';
import { CliError, EXIT, UsageError } from '../exit';

/** A shortened id is looked for among so many, newest first. */
const MAX_LOOKED_AT = 2_000;
const FULL_ID = 36;

/** @throws CliError when there is none, or more than one */
export async function runIdOf(api: ApiClient, id: string): Promise<string> {
  if (id.length >= FULL_ID) return encodeURIComponent(id);
  if (id !== 'last' && !/^[0-9a-f-]{4,}$/i.test(id)) {
    throw new UsageError(`"${id}" is no run's id: give it, its first four characters or more, or "last".`);
  }
  const found = new Set<string>();
  for await (const run of api.items('/runs', RunSummary, {}, id === 'last' ? 1 : MAX_LOOKED_AT)) {
    if (id === 'last') return run.id;
    if (run.id.startsWith(id.toLowerCase())) found.add(run.id);
  }
  const [first, ...others] = found;
  if (first === undefined) {
    throw new CliError(`There is no run ${id} among the newest ${MAX_LOOKED_AT}.`, {
      lines: ['"reveille runs" lists them; the whole id finds older ones.'],
      exitCode: EXIT.notFound,
    });
  }
  if (others.length > 0) {
    throw new CliError(`${found.size} runs begin with ${id}.`, { lines: [...found].slice(0, 5) });
  }
  return first;
}
