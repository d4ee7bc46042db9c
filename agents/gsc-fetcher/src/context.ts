/** What a job gets beside its input, and what is recorded of its work. */
import { Action, check, Misfit, Usage, type Ids, type JobContext, type Records } from './contract';
import { log, reasonOf } from './log';
import type { Answers } from './replay';

/** Entries of each kind; JSON characters of all entries, of one value in them, and of what is kept of a longer one. */
const LIMITS = { entries: 1000, allChars: 768 * 1024, valueChars: 16 * 1024, briefChars: 1024 };

/** `records` is filled while the job runs. With `answers` they come before the tools. */
export function jobContext(
  ids: Ids,
  signal: AbortSignal,
  dryRun: boolean,
  records: Records,
  answers: Answers = (_call, use) => use(),
): JobContext {
  let charsLeft = LIMITS.allChars;
  function add<T>(entries: T[], entry: T): void {
    charsLeft -= JSON.stringify(entry).length;
    if (charsLeft >= 0 && entries.length < LIMITS.entries) entries.push(entry);
    else log('not recorded: too many records', ids);
  }
  return {
    ...ids,
    signal,
    dryRun,
    log: (message, fields) => log(message, { ...fields, ...ids }),
    progress: (value) => void (records.progress = copy(value).value),
    usage: (entry) => add((records.usage ??= []), check(Usage, entry, 'usage')),
    action: (entry) => {
      if (dryRun) throw new Misfit(`action ${entry.type}: a dry run has no effects; check ctx.dryRun before`);
      add((records.actions ??= []), check(Action, entry, 'action'));
    },
    tool: async (name, params, use) => {
      const [at, startedAt] = [new Date().toISOString(), performance.now()];
      const { value: given, ...cut } = copy(params);
      const call = { name, params: given, ...cut, at };
      const record = (end: { result: unknown; shortened?: true } | { error: string }) =>
        add((records.toolCalls ??= []), {
          ...call,
          ...end,
          latencyMs: Math.round(performance.now() - startedAt),
        });
      try {
        const result = await answers(call, use);
        const { value, ...resultCut } = copy(result);
        record({ result: value, ...resultCut });
        return result;
      } catch (error) {
        record({ error: reasonOf(error) });
        throw error;
      }
    },
  };
}

/** A copy that no longer changes. Of one that is too long the beginning is kept, as text. */
function copy(value: unknown): { value: unknown; shortened?: true } {
  try {
    const json = JSON.stringify(value) ?? 'null';
    if (json.length <= LIMITS.valueChars) return { value: JSON.parse(json) };
    return { value: `${json.slice(0, LIMITS.briefChars)}… (${json.length} characters)`, shortened: true };
  } catch (error) {
    return { value: `not JSON: ${reasonOf(error)}`, shortened: true };
  }
}
