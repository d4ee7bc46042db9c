/** What the doctor says of one thing. */
export const VERDICTS = ['ok', 'warn', 'fail', 'unknown'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Finding {
  /** What was looked at, e.g. `database`. */
  check: string;
  /** `unknown`: it cannot be told from here; the text says why. */
  verdict: Verdict;
  /** One sentence. Never a secret. */
  text: string;
  /** What to do about it. */
  mend?: string;
}

const finding =
  (verdict: Verdict) =>
  (check: string, text: string, mend?: string): Finding => ({
    ...{ check, verdict, text },
    ...(mend !== undefined && { mend }),
  });

export const ok = finding('ok');
export const warn = finding('warn');
export const fail = finding('fail');
export const unknown = finding('unknown');
