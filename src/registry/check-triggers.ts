/** Checks of what starts workflows: the names it uses, the places it reads, circles, secrets that are missing. */
import { z } from 'zod';
import { segments, type Path } from '../domain/condition';
import { pathOf, type Source } from '../domain/mapping';
import type { Problem } from '../domain/schedule';
import { circles, conditionPaths, isPath, unknownName } from './check-steps';
import { MIN_SECRET_LENGTH, splitSecrets } from './shapes';
import type { Env } from './variables';

const seenTrigger = z.looseObject({ when: z.unknown().optional(), input: z.unknown().optional() });
const many = <T extends z.ZodType>(one: T) =>
  z
    .preprocess((v) => (v === undefined || Array.isArray(v) ? v : [v]), z.array(one).optional())
    .catch(undefined);

/** The field `on`, seen with tolerance: what is not shaped like it is the schema's to refuse. */
export const SeenOn = z
  .looseObject({
    webhook: seenTrigger.extend({ secret: z.string().optional() }).optional().catch(undefined),
    event: many(seenTrigger),
    run: many(seenTrigger.extend({ workflow: z.string().catch('') })),
  })
  .optional()
  .catch(undefined);

interface SeenWorkflow {
  id: string;
  enabled?: boolean | undefined;
  on?: z.infer<typeof SeenOn>;
}

/** Every mistake in the triggers of all workflows. */
export function checkTriggers(workflows: readonly SeenWorkflow[], place: string, env: Env): Problem[] {
  const ids = workflows.map((w) => w.id).filter((id) => id !== '');
  const follows = new Map(workflows.map((w) => [w.id, (w.on?.run ?? []).map((r) => r.workflow)]));
  return [
    ...workflows.flatMap((workflow, i) => checkOne(workflow, `${place}[${i}].on`, ids, env)),
    ...circles(follows, 'workflows start', 'run triggers').map((problem) => ({ place, ...problem })),
  ];
}

function checkOne({ on, enabled }: SeenWorkflow, place: string, ids: readonly string[], env: Env): Problem[] {
  const { webhook, event = [], run = [] } = on ?? {};
  return [
    ...(webhook ? checkPaths(webhook, `${place}.webhook`, ['body', 'headers']) : []),
    ...(webhook?.secret !== undefined && enabled !== false
      ? checkSecret(webhook.secret, `${place}.webhook.secret`, env)
      : []),
    ...event.flatMap((e, i) => checkPaths(e, `${place}.event[${i}]`, ['event'])),
    ...run.flatMap((r, i) => [
      ...(r.workflow === '' || ids.includes(r.workflow)
        ? []
        : [unknownName(`${place}.run[${i}].workflow`, 'workflow', r.workflow, ids)]),
      ...checkPaths(r, `${place}.run[${i}]`, ['run']),
    ]),
  ];
}

/** The value itself is never repeated. */
function checkSecret(variable: string, place: string, env: Env): Problem[] {
  const keys = splitSecrets(env[variable] ?? '');
  const problem =
    keys.length === 0
      ? `${variable} is not set, so nobody could prove to be the sender`
      : keys.some((key) => key.length < MIN_SECRET_LENGTH)
        ? `${variable} holds a key shorter than ${MIN_SECRET_LENGTH} characters`
        : keys.length > 2
          ? `${variable} holds more than two keys`
          : undefined;
  const mend = `Set ${variable} to a random value, e.g. from "openssl rand -hex 32", and give the same to the sender`;
  return problem === undefined ? [] : [{ place, problem, mend }];
}

function checkPaths(
  { when, input }: z.infer<typeof seenTrigger>,
  place: string,
  roots: readonly string[],
): Problem[] {
  const mapping = typeof input === 'object' && input !== null ? Object.entries(input) : [];
  const paths: Array<[string, unknown]> = [
    ...conditionPaths(when, 'when'),
    ...mapping.map(([name, source]): [string, unknown] => [`input.${name}`, pathIn(source)]),
  ];
  return paths.flatMap(([key, path]) => {
    if (!isPath(path)) return [];
    const given = segments(path as Path);
    if (roots.includes(given[0] ?? '')) return [];
    return {
      place: `${place}.${key}`,
      problem: `a path begins with ${roots.join(' or ')} here, not with "${given[0] ?? ''}"`,
      mend: `Write e.g. ${roots[0] ?? ''}.${given.join('.')}`,
    };
  });
}

const pathIn = (source: unknown): unknown =>
  source === null || !['string', 'object'].includes(typeof source) ? undefined : pathOf(source as Source);
