/** Example job: greets somebody, once or several times. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { JobContext } from '../contract';

/** Keys that are not named here are dropped: an input also carries the outputs of the steps before. */
export const input = z.object({
  name: z.string().min(1).max(200).default('world'),
  /** How often to greet. */
  times: z.number().int().min(1).max(100).default(1),
  /** Pause before each greeting, in milliseconds. */
  pauseMs: z.number().int().min(0).max(60_000).default(0),
});

export const output = z.object({ greetings: z.array(z.string()) });

/** @throws when `ctx.signal` aborts during a pause */
export async function run(
  { name, times, pauseMs }: z.infer<typeof input>,
  ctx: JobContext,
): Promise<z.infer<typeof output>> {
  const greetings: string[] = [];
  for (let n = 1; n <= times; n++) {
    await sleep(pauseMs, undefined, { signal: ctx.signal });
    greetings.push(await ctx.tool('greet', { name }, () => `Hello, ${name}!`));
    ctx.progress({ greeted: n, of: times });
    ctx.log('greeted', { n, of: times });
  }
  return { greetings };
}
