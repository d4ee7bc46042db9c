/** An evaluation suite as it is written: cases an agent has to do, and what is looked at in what it gives. */
import { z } from 'zod';
import { Condition } from '../condition';

export const MAX_CASES = 200;
export const MAX_REPEATS = 20;
export const DEFAULT_TIMEOUT_SECONDS = 60;
const MAX_TIMEOUT_SECONDS = 900;
/** What a judge has to give at least, where nothing else is said. */
export const DEFAULT_SCORE = 0.7;

const text = z.string().trim().min(1).max(200);
const jsonObject = z.record(z.string(), z.unknown());

/** Exactly one of the three. Rules read `status`, `output`, `error`, `durationMs`, `costUsd` and `input`. */
const Check = z.union([
  /** The output fits a JSON Schema. */
  z.strictObject({ schema: jsonObject }),
  /** A condition, as workflows have them. */
  z.strictObject({ rule: Condition }),
  /** A model says how well it fits, from 0 to 1. */
  z.strictObject({
    judge: z.strictObject({
      question: z.string().trim().min(1).max(10_000),
      atLeast: z.number().min(0).max(1).default(DEFAULT_SCORE),
      /** As an entry of LLM_PROVIDERS; default: the suite's, then the first of LLM_PROVIDERS. */
      model: text.optional(),
    }),
  }),
]);
export type Check = z.output<typeof Check>;

const repeats = z.number().int().min(1).max(MAX_REPEATS);

const Case = z.strictObject({
  name: text,
  input: jsonObject,
  checks: z.array(Check).min(1).max(50),
  /** How often it is done, for what does not come out the same each time. */
  repeats: repeats.optional(),
  /** In how many of them all checks have to hold; default: in each. */
  passes: repeats.optional(),
});
export type Case = z.output<typeof Case>;

export const Suite = z
  .strictObject({
    /** Default: the name of its file. */
    name: text.optional(),
    cases: z.array(Case).min(1).max(MAX_CASES),
    /** Share of the cases that have to pass. */
    threshold: z.number().gt(0).max(1).default(1),
    /** Of each case that says nothing else. */
    repeats: repeats.default(1),
    judge: text.optional(),
    /** False: cases have effects outside. */
    dryRun: z.boolean().default(true),
    /** Of one case. */
    timeoutSeconds: z.number().int().min(1).max(MAX_TIMEOUT_SECONDS).default(DEFAULT_TIMEOUT_SECONDS),
  })
  .superRefine((suite, context) => {
    const names = new Set<string>();
    suite.cases.forEach(({ name, passes, repeats: own }, i) => {
      const refuse = (message: string, field: string) =>
        context.addIssue({ code: 'custom', message, path: ['cases', i, field] });
      if (names.has(name)) refuse(`"${name}" comes twice: name it otherwise`, 'name');
      names.add(name);
      const times = own ?? suite.repeats;
      if (passes !== undefined && passes > times)
        refuse(`${passes} of ${times} repeats cannot pass: lower it, or raise repeats`, 'passes');
    });
  });
export type Suite = z.output<typeof Suite>;

export interface NamedSuite extends Suite {
  name: string;
}

/** @throws z.ZodError where it is no suite */
export function suiteOf(value: unknown, file: string): NamedSuite {
  const suite = Suite.parse(value);
  const fallback = file.replace(/^.*\//, '').replace(/\.(json|ya?ml)$/i, '');
  return { ...suite, name: suite.name ?? fallback };
}
