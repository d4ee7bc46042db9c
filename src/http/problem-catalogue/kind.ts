/** What the catalogue says of each problem, beside its `code`. */
export interface ProblemKind {
  /** Of the answer. */
  status: number;
  /** In plain words, the same whenever it happens. */
  title: string;
  /** What to do. */
  hint: string;
}
