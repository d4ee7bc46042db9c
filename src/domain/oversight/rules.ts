/** What an agent may do by itself, and what it has to ask for. Pure; the rules of section 7.4 of the operations guide. */
import type { AgentRunResult } from '../../contract';
import type { OversightSettings } from './settings';

export const RULES = [
  'supervised',
  'needs-human',
  'type',
  'spend',
  'recurring',
  'risk',
  'reach',
  'first-time',
  'confidence',
] as const;
export type Rule = (typeof RULES)[number];

/** A rule that asks for a person, and why, as a sentence. */
export interface Finding {
  rule: Rule;
  text: string;
}

export interface Thresholds {
  /** A single action that costs more. */
  spendUsd: number;
  /** Confidence below this. */
  confidence: number;
  /** An action that reaches more people. */
  reach: number;
  /** This tier and those above it. */
  riskTier: number;
  /** Types of action that are always asked for; `email` is also `email.send`. */
  askTypes: readonly string[];
}

export type Level = 'supervised' | 'autonomous';

/** What is known of an agent when its proposal is judged. */
export interface Oversight {
  /** False: it acts without proposing, and is judged afterwards. */
  watched: boolean;
  level: Level;
  /** Types of action it did before. */
  known: ReadonlySet<string>;
  thresholds: Thresholds;
  settings: OversightSettings;
}

/** Everything that asks for a person in what an agent proposes; nothing: it may go on by itself. */
export function judge(result: AgentRunResult, oversight: Oversight): Finding[] {
  const { actions = [], needsHuman } = result;
  const found: Finding[] = [];
  const note = (rule: Rule, text: string) => found.push({ rule, text });
  if (oversight.level === 'supervised' && actions.length > 0)
    note('supervised', 'Every action of a supervised agent is approved by a person.');
  if (needsHuman !== undefined) note('needs-human', `The agent asks for a person: ${cut(needsHuman)}`);
  const first = [...new Set(actions.map((a) => a.type))].filter((type) => !oversight.known.has(type));
  if (first.length > 0) note('first-time', `It has never done this before: ${cut(first.join(', '))}.`);
  return [...found, ...graveIn(result, oversight)];
}

/** What would have been asked for, of an agent that acts without asking. What is new is no offence there. */
export const judgeAfterwards = (
  result: AgentRunResult,
  oversight: Pick<Oversight, 'thresholds'>,
): Finding[] => ((result.actions ?? []).length === 0 ? [] : graveIn(result, oversight));

/** What asks for a person by the sizes of things alone. */
function graveIn(
  { actions = [], riskTier, confidence }: AgentRunResult,
  { thresholds }: Pick<Oversight, 'thresholds'>,
): Finding[] {
  const dearest = Math.max(0, ...actions.map((a) => a.costUsd ?? 0));
  const widest = Math.max(0, ...actions.map((a) => a.reach ?? 0));
  const asked = [...new Set(actions.map((a) => a.type))].filter((type) => isOf(type, thresholds.askTypes));
  const recurring = actions.filter((a) => a.recurring === true).map((a) => a.type);
  const rules: Array<[boolean, Rule, string]> = [
    [
      dearest > thresholds.spendUsd,
      'spend',
      `One action costs $${dearest.toFixed(2)}, more than $${thresholds.spendUsd.toFixed(2)}.`,
    ],
    [asked.length > 0, 'type', `A person is always asked about this: ${cut(asked.join(', '))}.`],
    [
      recurring.length > 0,
      'recurring',
      `It charges again and again: ${cut([...new Set(recurring)].join(', '))}.`,
    ],
    [(riskTier ?? 0) >= thresholds.riskTier, 'risk', `Its risk is of tier ${riskTier ?? 0}.`],
    [
      widest > thresholds.reach,
      'reach',
      `One action reaches ${widest} people, more than ${thresholds.reach}.`,
    ],
    [
      confidence !== undefined && confidence < thresholds.confidence,
      'confidence',
      `The agent is sure by ${confidence ?? 0}, less than ${thresholds.confidence}.`,
    ],
  ];
  return rules.flatMap(([holds, rule, text]) => (holds ? [{ rule, text }] : []));
}

/** Whether a type of action is one of these, or a kind of one: `email.send`, `email:reply`. */
const isOf = (type: string, asked: readonly string[]): boolean =>
  asked.some(
    (one) => type === one || (type.startsWith(one) && /[^\p{L}\p{N}]/u.test(type.charAt(one.length))),
  );

/** What agents write is cut: a memo is read on a telephone. */
const MAX_TEXT = 300;
const cut = (text: string): string => (text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`);
