/**
 * What of Code Capsules' answers about builds is relied on, read tolerantly: known shapes first, then
 * likely ones. docs/platforms.md says which are which.
 */
import { z } from 'zod';
import type { Build, BuildStatus } from '../builds';

const text = z.string().min(1).optional().catch(undefined);
const id = z.union([z.string().min(1).max(200), z.number().transform(String)]).optional();
/** ISO 8601, in UTC where no zone is named; or epoch milliseconds. */
const isoTime = z.iso
  .datetime({ offset: true, local: true })
  .transform((iso) => Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(iso) ? iso : `${iso}Z`));
const time = z.union([isoTime, z.number().nonnegative()]).optional().catch(undefined);
const commit = z.union([z.string().min(1), z.looseObject({ latest: text, sha: text, id: text })]);

const BuildDocument = z.looseObject({
  id,
  buildId: id,
  status: text,
  state: text,
  isDeployed: z.boolean().optional().catch(undefined),
  createdOn: time,
  createdAt: time,
  startedAt: time,
  finishedOn: time,
  finishedAt: time,
  metadata: z
    .looseObject({ branch: text, commit: commit.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** `Starting`, `Building`, `Succeeded` and `Failed` are known; the others are words such APIs use. */
const STATUSES: Record<Exclude<BuildStatus, 'unknown'>, string[]> = {
  queued: ['starting', 'queued', 'pending', 'created', 'scheduled'],
  building: ['building', 'running', 'inprogress', 'started', 'deploying'],
  succeeded: ['succeeded', 'success', 'successful', 'completed', 'deployed'],
  failed: [
    'failed',
    'failure',
    'error',
    'errored',
    'cancelled',
    'canceled',
    'timeout',
    'timedout',
    'aborted',
  ],
};

function statusOf(word: string | undefined): BuildStatus {
  const plain = (word ?? '').toLowerCase().replace(/[^a-z]/g, '');
  const found = Object.entries(STATUSES).find(([, words]) => words.includes(plain));
  return (found?.[0] as BuildStatus | undefined) ?? 'unknown';
}

/** The build in an answer: bare, or as `{ data }` or `{ build }`; undefined when there is none. */
export function buildIn(body: unknown, capsuleId: string): Build | undefined {
  const wrapper = z
    .looseObject({ data: z.unknown().optional(), build: z.unknown().optional() })
    .safeParse(body);
  const inside = wrapper.success ? (wrapper.data.build ?? wrapper.data.data) : undefined;
  if (typeof inside === 'object' && inside !== null) return buildIn(inside, capsuleId);
  const parsed = BuildDocument.safeParse(body);
  const document = parsed.success ? parsed.data : undefined;
  const buildId = document?.id ?? document?.buildId;
  if (!document || buildId === undefined) return undefined;
  const startedAt = document.createdOn ?? document.createdAt ?? document.startedAt;
  const finishedAt = document.finishedOn ?? document.finishedAt;
  const { branch, commit: of } = document.metadata ?? {};
  const sha = typeof of === 'string' ? of : (of?.latest ?? of?.sha ?? of?.id);
  return {
    id: buildId,
    capsuleId,
    status: statusOf(document.status ?? document.state),
    ...(startedAt !== undefined && { startedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(branch !== undefined && { branch }),
    ...(sha !== undefined && { commit: sha }),
    ...(document.isDeployed !== undefined && { deployed: document.isDeployed }),
  };
}

/**
 * The builds in an answer, newest first: a bare list, or one as `{ builds }` or `{ data }`. Undefined
 * when there is no list, so that an answer not understood is not taken for "no builds".
 */
export function buildsIn(body: unknown, capsuleId: string): Build[] | undefined {
  const list = listIn(body, ['builds', 'data']);
  if (!list) return undefined;
  const builds = list.flatMap((each) => buildIn(each, capsuleId) ?? []);
  if (builds.length < list.length) return undefined;
  // Stable: where times are equal or missing, the order of the answer stays, which is newest first.
  return builds.sort((a, b) => (b.startedAt ?? 0) - (a.startedAt ?? 0));
}

/** Escape sequences that colour a terminal. */
// eslint-disable-next-line no-control-regex
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

/** The lines in an answer, oldest first: `{ data: { logs: [{ log }] } }`; undefined when there are none. */
export function logLinesIn(body: unknown): string[] | undefined {
  const entries = listIn(body, ['logs', 'lines', 'data']);
  const line = z.union([z.string(), z.looseObject({ log: z.string() }).transform(({ log }) => log)]);
  return entries?.flatMap((entry) => {
    const parsed = line.safeParse(entry);
    return parsed.success ? parsed.data.replace(ANSI, '').trimEnd().split('\n') : [];
  });
}

/** The first list under one of the keys, at most two levels deep. */
function listIn(body: unknown, keys: string[], depth = 0): unknown[] | undefined {
  if (Array.isArray(body)) return body as unknown[];
  if (typeof body !== 'object' || body === null || depth >= 2) return undefined;
  for (const key of keys) {
    const found = listIn((body as Record<string, unknown>)[key], keys, depth + 1);
    if (found) return found;
  }
  return undefined;
}
