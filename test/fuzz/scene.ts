/**
 * What is there to be named in the installation that is attacked now. Arbitraries are built once, since that is
 * what costs most about them; whatever they name is looked up here at the moment a request is made.
 */

/** A request of a route as somebody who knows what is there would send it; what is left out is generated. */
export interface Example {
  params?: Readonly<Record<string, string>>;
  query?: Readonly<Record<string, unknown>>;
  body?: unknown;
  /** Sent as it is, with its headers: it may be signed. */
  raw?: string;
  headers?: Readonly<Record<string, string>>;
}

export type Headers = Readonly<Record<string, string>>;

/** Of one field or route; what comes after takes the place of what came first but for the first few. */
const MAX_KEPT = 60;
const ALWAYS_KEPT = 20;

export class Scene {
  private readonly names = new Map<string, string[]>();
  private readonly examples = new Map<string, Example[]>();
  /** Who calls. */
  callers: Headers[] = [{}];

  /** Another installation. */
  clear(): void {
    this.names.clear();
    this.examples.clear();
    this.callers = [{}];
  }

  /** @param field of a body, a query or a path, or a path up to its parameter: `/approvals/:id` */
  add(field: string, ...values: readonly string[]): void {
    for (const value of values) keep(this.names, field, value);
  }

  addExample(operationId: string, ...examples: readonly Example[]): void {
    for (const example of examples) keep(this.examples, operationId, example);
  }

  /** @param n any whole number from 0 on */
  name(field: string, n: number): string | undefined {
    return pick(this.names.get(field), n);
  }

  example(operationId: string, n: number): Example | undefined {
    return pick(this.examples.get(operationId), n);
  }

  caller(n: number): Headers {
    return pick(this.callers, n) ?? {};
  }
}

const pick = <T>(list: readonly T[] | undefined, n: number): T | undefined => list?.[n % list.length];

function keep<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key) ?? [];
  if (list.length === 0) map.set(key, list);
  if (list.includes(value)) return;
  if (list.length >= MAX_KEPT) list.splice(ALWAYS_KEPT, 1);
  list.push(value);
}
