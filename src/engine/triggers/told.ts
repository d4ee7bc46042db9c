/** What a trigger tells: what its condition and its mapping read. */
import { holds, type Condition } from '../../domain/condition';
import { mapped, type Mapping } from '../../domain/mapping';

type Json = Record<string, unknown>;

/** `when` and `input` of a trigger, as the registry has them: read-only all the way down. */
export interface TriggerRule {
  readonly when?: unknown;
  readonly input?: unknown;
}

/** The input of the run to be started, or undefined where the condition does not hold. */
export function inputFor({ when, input }: TriggerRule, told: object, whole: Json): Json | undefined {
  if (when !== undefined && !holds(when as Condition, told)) return undefined;
  return input === undefined ? whole : mapped(input as Mapping, told);
}
