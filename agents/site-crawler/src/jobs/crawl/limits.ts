/** Every limit of the crawler that an input cannot change. Lengths are in characters unless the name says otherwise. */
export const LIMITS = {
  concurrency: 4,
  redirects: 5,
  queuedUrls: 2000,
  urlLength: 2000,
  robotsBytes: 500 * 1024,
  /** Internal links that were not crawled and are checked by HEAD. */
  linkChecks: 100,
  skipped: 200,
  /** Entries in each list of broken or redirected links, and pages named in each entry. */
  linkProblems: 100,
  linkSources: 10,
  /** Per page. */
  headings: 50,
  links: 100,
  missingAlt: 20,
  structuredData: 20,
  textLength: 500_000,
  fieldLength: 500,
  /** Whole output; lists of links, headings and images are shortened until it fits. */
  outputBytes: 1024 * 1024,
} as const;

/** Shortens to `length` characters, marking the cut. */
export function clip(text: string, length: number = LIMITS.fieldLength): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** The message of an error, with the system's code of its cause, which is where fetch puts the reason. */
export function reasonOf(error: unknown): string {
  const { message, cause } = (error ?? {}) as { message?: unknown; cause?: { code?: unknown } };
  const text = typeof message === 'string' ? message : String(error);
  return clip(typeof cause?.code === 'string' ? `${text}: ${cause.code}` : text, 200);
}
