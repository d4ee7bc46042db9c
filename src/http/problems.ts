/** How this API says no: problem details of RFC 9457 with a code of the catalogue. */
import { PROBLEMS, type ProblemCode } from './problem-catalogue';

/** One field that is wrong. */
export interface FieldError {
  /** Where: `body.input`, `query.limit`, `header.Idempotency-Key`. */
  field: string;
  message: string;
}

export interface ProblemOptions extends ErrorOptions {
  /** What is wrong in this very case; shown to the caller, so never anything internal. */
  detail?: string;
  errors?: FieldError[];
  retryAfterSeconds?: number;
  headers?: Record<string, string>;
  /** Further members, e.g. the run an idempotency key belongs to. */
  extra?: Record<string, string>;
}

/** Thrown by handlers, answered by the one error middleware. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;

  constructor(
    readonly code: ProblemCode,
    readonly options: ProblemOptions = {},
  ) {
    const { detail, cause } = options;
    super(detail ?? PROBLEMS[code].title, cause === undefined ? undefined : { cause });
    this.status = PROBLEMS[code].status;
  }

  get headers(): Record<string, string> {
    const { headers, retryAfterSeconds } = this.options;
    return {
      ...headers,
      ...(retryAfterSeconds !== undefined && {
        'Retry-After': String(Math.max(1, Math.ceil(retryAfterSeconds))),
      }),
    };
  }

  /** The document of RFC 9457. */
  body(requestId: string): Record<string, unknown> {
    const { status, title, hint } = PROBLEMS[this.code];
    const { detail, errors, extra } = this.options;
    return {
      ...extra,
      type: `urn:reveille:problem:${this.code}`,
      title,
      status,
      ...(detail !== undefined && { detail }),
      code: this.code,
      hint,
      ...(errors && { errors }),
      requestId,
    };
  }
}
