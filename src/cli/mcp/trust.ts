/** Tools that may be trusted to act unasked. Never those that decide in a person's place. */
export const TRUSTABLE = ['run_workflow', 'rerun', 'cancel'] as const;
export type Trustable = (typeof TRUSTABLE)[number];
