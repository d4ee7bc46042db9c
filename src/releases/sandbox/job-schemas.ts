/** Prints the JSON Schemas of the `input` and `output` that a job's module exports, as those of the scaffold do. */
import { z } from 'zod';

const isSchema = (value: unknown): value is z.ZodType =>
  typeof value === 'object' && value !== null && '_zod' in value;

function main(): void {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the path is given
  const job = require(process.argv[2] ?? '') as Record<string, unknown>;
  const told = (['input', 'output'] as const).flatMap((io) => {
    const schema = job[io];
    return isSchema(schema) ? [[io, z.toJSONSchema(schema, { io, unrepresentable: 'any' })] as const] : [];
  });
  process.stdout.write(told.length === 0 ? '' : JSON.stringify(Object.fromEntries(told)), () =>
    process.exit(0),
  );
}

main();
