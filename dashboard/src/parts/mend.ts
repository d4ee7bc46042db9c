/** What lets a run go on, read from the sentence that says why it does not move. */

export type Mend =
  | { kind: 'switch'; id: string }
  | { kind: 'breaker'; agentId: string }
  | { kind: 'budget' }
  | { kind: 'decision' };

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
/** What the sentence ends with where several steps wait. */
const BESIDE = /; \d+ more (?:step waits|steps wait) beside it$/;

const SWITCH = new RegExp(`; reveille resume --switch (${UUID}) releases it$`);
const BREAKER = /; reveille breakers reset (\S+) closes it$/;
const BUDGET = /a person raises it: reveille budgets raise \S+ <amount>(?: --run \S+)?$/;
const DECISION = new RegExp(`; reveille approve ${UUID} releases it$`);

/** Only the end of the sentence counts: before it are words of people and of agents, who might write anything. */
export function mendOf(why: string): Mend | undefined {
  const sentence = why.replace(BESIDE, '');
  const [, id] = SWITCH.exec(sentence) ?? [];
  if (id !== undefined) return { kind: 'switch', id };
  const [, agentId] = BREAKER.exec(sentence) ?? [];
  if (agentId !== undefined) return { kind: 'breaker', agentId };
  if (BUDGET.test(sentence)) return { kind: 'budget' };
  return DECISION.test(sentence) ? { kind: 'decision' } : undefined;
}
