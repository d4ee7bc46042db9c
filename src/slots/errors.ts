/** Why something was not done, in words for the person or agent that asked. */

/** The steps of a deployment, in their order; an outcome names the one it ended at. */
export const STAGES = [
  'resolve',
  'gate',
  'checkout',
  'setup',
  'boot',
  'probe',
  'schema',
  'swap',
  'drain',
  'push',
] as const;
export type Stage = (typeof STAGES)[number];

/** What is said to whoever started or asked the controller; never a stack. */
export class SlotsError extends Error {
  override readonly name: string = 'SlotsError';
}

/** A deployment or rollback that was refused or failed, and at which stage. */
export class StageError extends SlotsError {
  override readonly name = 'StageError';

  constructor(
    readonly stage: Stage,
    message: string,
    /** Status of the answer: 4xx where the request is at fault. */
    readonly status = 500,
    options: ErrorOptions = {},
  ) {
    super(message, options);
  }
}

export const codeOf = (error: unknown): string | undefined =>
  (error as NodeJS.ErrnoException | undefined)?.code;

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
