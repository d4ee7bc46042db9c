/** How the input of a run is made of what triggered it: a name and where its value is. Data, not code. */
import { z } from 'zod';
import { Path, segments, valueAt } from './condition';

/** Names that one mapping fills at most. */
export const MAX_MAPPED = 100;

/** A path, a path with a value for where it leads nowhere, or a fixed value. */
export type Source = Path | { path: Path; default: unknown } | { value: unknown };
export const Source: z.ZodType<Source> = z.union([
  Path,
  z.strictObject({ path: Path, default: z.unknown() }),
  z.strictObject({ value: z.unknown() }),
]);

export type Mapping = Readonly<Record<string, Source>>;
export const Mapping: z.ZodType<Mapping> = z
  .record(z.string().min(1).max(200), Source)
  .refine((mapping) => Object.keys(mapping).length <= MAX_MAPPED, {
    message: `fills more than ${MAX_MAPPED} names`,
  });

/** The path a source reads, if it reads one. */
export function pathOf(source: Source): Path | undefined {
  if (typeof source === 'string' || Array.isArray(source)) return source as Path;
  return 'path' in (source as object) ? (source as { path: Path }).path : undefined;
}

/** The input that a mapping makes of what is told. A path that leads nowhere leaves its name out. */
export function mapped(mapping: Mapping, told: object): Record<string, unknown> {
  const entries = Object.entries(mapping).flatMap(([name, source]): Array<[string, unknown]> => {
    const value = valueOf(source, told);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

function valueOf(source: Source, told: object): unknown {
  const path = pathOf(source);
  if (path === undefined) return (source as { value: unknown }).value;
  const found = valueAt(told, path);
  if (found !== undefined) return found;
  return typeof source === 'object' && 'default' in source ? source.default : undefined;
}

/** What a path starts from. */
export const rootOf = (path: Path): string => segments(path)[0] ?? '';
