/** The ways in which a question can fail, each with what to do about it in its message. */

export type LlmFailureKind =
  /** Variables, keys, prices or the request itself: nobody but the operator or the author can mend it. */
  | 'configuration'
  /** Every provider of the list failed in a way that may pass. */
  | 'unavailable'
  /** The answer did not fit the schema, nor did the repaired one. */
  | 'schema'
  /** The answer did not fit into maxTokens. */
  | 'truncated'
  /** The model declined to answer. */
  | 'refused'
  /** LLM_MODE=replay has no recording of this request. */
  | 'no-recording';

export class LlmFailure extends Error {
  constructor(
    readonly kind: LlmFailureKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'LlmFailure';
  }
}

/** What may be tried elsewhere (`next`), what this key alone is to blame for (`key`), and what is the asker's fault. */
export type Blame = 'next' | 'key' | 'asker';

/** One request to one provider that failed. */
export class ProviderError extends Error {
  constructor(
    readonly blame: Blame,
    message: string,
    /** Set when the provider says when to come back. */
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ProviderError';
  }
}

/** 402, 408, 409, 429 and 5xx may pass, or hit one account only; 401 and 403 are about the key; other 4xx about us. */
export function blameFor(status: number): Blame {
  if (status === 401 || status === 403) return 'key';
  return status >= 500 || [402, 408, 409, 429].includes(status) ? 'next' : 'asker';
}

/** Reads a Retry-After header in seconds; a date or nonsense counts as absent. In milliseconds. */
export function retryAfter(header: string | null | undefined): number | undefined {
  const seconds = Number(header || NaN);
  return seconds >= 0 ? seconds * 1000 : undefined;
}

const MAX_CAUSES = 3;

/** The message with those of its causes: `fetch failed` alone helps nobody. */
export function reasonOf(error: unknown): string {
  const messages: string[] = [];
  for (let at = error; at instanceof Error && messages.length <= MAX_CAUSES; at = at.cause)
    if (!messages.includes(at.message)) messages.push(at.message.replace(/\.$/, ''));
  return messages.join(': ') || String(error);
}
