/** A job that is done once more: its tools are answered from what they gave the first time. */
import { isDeepStrictEqual } from 'node:util';
import type { AgentRunRequest, ToolCall } from './contract';

/** Never answered from records: what a model makes of the job is a part of what is judged. */
const ASKED_ANEW = 'llm';

/** Settles the job whatever the job does about it; `kind` as in `LlmFailure` of `src/llm`. */
class NotRecorded extends Error {
  readonly kind = 'no-recording';
}

/** Gives what `call` gave then, or throws what it threw. At once, so that it is recorded before anybody sees it. */
export type Answers = <T>(call: Call, use: () => T) => T;
type Call = Pick<ToolCall, 'name' | 'params' | 'shortened'>;

/** Calls without a record go to the tool, or, where the request says so, end the job by `stop`. */
export function answersOf(config: AgentRunRequest['config'], stop: AbortController): Answers {
  const left = [...(config.replayCalls ?? [])];
  return <T>({ name, params, shortened }: Call, use: () => T): T => {
    if (name === ASKED_ANEW) return use();
    const same = left.filter((one) => one.name === name && isDeepStrictEqual(one.params ?? null, params));
    const recorded = shortened ? undefined : same[0];
    if (recorded && same.length > 1) left.splice(left.indexOf(recorded), 1);
    if (recorded?.error !== undefined) throw new Error(recorded.error);
    if (recorded) return structuredClone(recorded.result ?? null) as T;
    if (config.unrecorded !== 'refuse') return use();
    const of = config.replayOf ?? 'what is replayed';
    const refusal = new NotRecorded(`tool ${name}: ${of} has no whole record of it with these parameters`);
    stop.abort(refusal);
    throw refusal;
  };
}
