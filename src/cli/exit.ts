/**
 * How a command ends: 0 it did what was asked, 1 it did not (a check failed, an orchestrator said no,
 * an agent did not answer), 2 it was called wrongly.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** What people read on standard error: sentences that say what to do, never a stack. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  /** Further lines below the message, e.g. a hint. */
  readonly lines: readonly string[];

  constructor(message: string, options: ErrorOptions & { lines?: readonly string[] } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.lines = options.lines ?? [];
  }

  get exitCode(): number {
    return EXIT.failed;
  }
}

/** The command was called wrongly, as only the command itself can tell. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';

  override get exitCode(): number {
    return EXIT.usage;
  }
}
