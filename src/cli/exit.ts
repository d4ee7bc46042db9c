/** How a command ends. Scripts rely on these numbers: none ever gets another meaning. */
export const EXIT = {
  /** It did what was asked. */
  ok: 0,
  /** It did not, for a reason that none of the others is: a check failed, something stands in the way. */
  failed: 1,
  /** It was called wrongly. */
  usage: 2,
  /** What was named is not there. */
  notFound: 3,
  /** The key may not do that, or there is none. */
  notAllowed: 4,
  /** The run that was watched failed or was cancelled. */
  runFailed: 5,
  /** It was not over within the time; what was begun goes on. */
  timedOut: 6,
  /** A switch, a budget or a breaker holds it until a person acts. */
  held: 7,
  /** The platform, or the orchestrator itself, does not answer or could not do it. */
  platform: 8,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each code means, for the documentation; in their order. */
export const EXIT_MEANINGS: Readonly<Record<ExitCode, string>> = {
  [EXIT.ok]: 'done',
  [EXIT.failed]: 'not done: a check failed, two runs differ, or what it is about does not allow it now',
  [EXIT.usage]: 'called wrongly',
  [EXIT.notFound]: 'what was named is not there',
  [EXIT.notAllowed]: 'not allowed: no key, a wrong one, or one without the scope',
  [EXIT.runFailed]: 'the run that was watched failed or was cancelled',
  [EXIT.timedOut]: 'not over within the time; what was begun goes on',
  [EXIT.held]: 'held by a switch, a budget or a breaker until a person acts',
  [EXIT.platform]: 'the platform or the orchestrator does not answer, or could not do it',
};

interface CliErrorOptions extends ErrorOptions {
  /** Further lines below the message, e.g. a hint. */
  lines?: readonly string[];
  exitCode?: ExitCode;
}

/** What people read on standard error: sentences that say what to do, never a stack. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  readonly lines: readonly string[];
  readonly exitCode: ExitCode;

  constructor(message: string, options: CliErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.lines = options.lines ?? [];
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** The command was called wrongly, as only the command itself can tell. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';

  constructor(message: string, options: Omit<CliErrorOptions, 'exitCode'> = {}) {
    super(message, { ...options, exitCode: EXIT.usage });
  }
}

/** The code that says what an HTTP status of the API means. */
export function exitCodeOf(status: number): ExitCode {
  if (status === 400 || status === 413 || status === 415) return EXIT.usage;
  if (status === 401 || status === 403) return EXIT.notAllowed;
  if (status === 404 || status === 410) return EXIT.notFound;
  return status >= 500 ? EXIT.platform : EXIT.failed;
}
