/** One mistake in data a person wrote: where it is, what is wrong, and what to do about it. */
export interface Problem {
  /** Path to the value, e.g. `workflows[1].steps[0].agent`, or a variable's name. Empty: the whole. */
  readonly place: string;
  /** What is wrong, as a sentence without a full stop. */
  readonly problem: string;
  /** What to do, in the imperative. */
  readonly mend: string;
}

/** The problems as lines of text, one each, for the terminal and the log. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems
    .map(
      ({ place, problem, mend }) =>
        `${place === '' ? '' : `${place}: `}${problem}. ${mend}${mend.endsWith('?') ? '' : '.'}`,
    )
    .join('\n');
}

/** A path as people write it: `['steps', 0, 'agent']` becomes `steps[0].agent`. */
export function formatPlace(path: readonly PropertyKey[], prefix = ''): string {
  return path.reduce<string>((place, key) => {
    if (typeof key === 'number') return `${place}[${key}]`;
    return place === '' ? String(key) : `${place}.${String(key)}`;
  }, prefix);
}
