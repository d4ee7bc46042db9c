/** How a value differs from a shape of the contract, field by field. */
import type { z } from 'zod';
import { quote } from './text';

const VALUE_CHARS = 60;

export interface Difference {
  /** `usage.0.model`; empty for the value itself. */
  field: string;
  /** `missing`, or the value as JSON. */
  saw: string;
  expected: string;
}

/** Every field of `value` that does not fit, in the schema's order; none when it fits. */
export function differences(schema: z.ZodType, value: unknown): Difference[] {
  const parsed = schema.safeParse(value);
  return (parsed.error?.issues ?? []).map((issue) => {
    const seen = at(value, issue.path);
    return {
      field: issue.path.join('.'),
      saw: seen === undefined ? 'missing' : quote(seen, VALUE_CHARS),
      expected: expectation(issue),
    };
  });
}

/** `durationMs: missing, expected number; status: "done", expected "success" or "error"` */
export const describe = (found: readonly Difference[]): string =>
  found
    .map(({ field, saw, expected }) => `${field === '' ? 'the body' : field}: ${saw}, expected ${expected}`)
    .join('; ');

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (inner, key) => (inner as Record<PropertyKey, unknown> | null | undefined)?.[key],
    value,
  );

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.expected === 'record' ? 'object' : issue.expected;
    case 'invalid_value':
      return issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'invalid_format':
      return issue.format === 'guid' ? 'UUID' : issue.format;
    default:
      return issue.message;
  }
}
