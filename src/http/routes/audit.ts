/** The ledger: what was done, by whom, and whether the record of it is whole. */
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import type { LedgerFilter } from '../../domain/ledger/search';
import { EXPORT_FORMATS, exportLedger, MAX_EXPORT } from '../../engine/audit/export';
import { verifyStretch } from '../../engine/audit/verify';
import { decodeCursor, encodeCursor } from '../../store/cursor';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, isoTime, shape, pageOf, pageQuery } from '../schema';
import { AuditEntryView, auditEntryView, AuditVerdictView, auditVerdictView } from '../views/audit';

const tag = 'audit';
/** Exports and verifications under way at once: each reads as fast as it can. */
const MAX_READERS = 2;
const READERS_RETRY_SECONDS = 5;
/** A reader that takes longer is cut off; the next export goes on behind its last line. */
const EXPORT_MS = 600_000;
const MAX_HASHES = 100;

const dateOrTime = z.union([z.iso.date(), isoTime]);
const seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const action = z.string().regex(/^[a-z][a-z-]*\.([a-z][a-z-]*|\*)$/, 'is an entity and a verb, or entity.*');

const filters = {
  actor: idText.optional().describe('Who did it, e.g. `key:<id>`, `engine`, `agent:<id>`.'),
  action: action.optional().describe('What was done, e.g. `run.cancel`; `run.*` for all of an entity.'),
  entity: idText.optional().describe('What it was done to, e.g. `run`, `capsule`, `alert`.'),
  id: idText.optional().describe('Which one of its entity.'),
  runId: idText.optional().describe('Entries of this run, and others that are about it.'),
  from: dateOrTime.optional().describe('A date (its beginning in UTC) or a time.'),
  to: dateOrTime.optional().describe('A date (its beginning in UTC) or a time, not included.'),
};

type Filters = { readonly [K in keyof typeof filters]?: string | undefined };

function filterOf(query: Filters): LedgerFilter {
  const { from, to, actor, action: what, entity, id, runId } = query;
  const texts = { actor, action: what, entity, id, runId };
  const times = { from: from && Date.parse(from), to: to && Date.parse(to) };
  const given = Object.entries({ ...texts, ...times }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

export const searchAudit = route({
  method: 'get',
  path: '/audit',
  operationId: 'searchAudit',
  tag,
  summary: 'What was done, by whom, to what and why, newest first',
  description:
    'A search looks for about a second: a page may hold fewer entries than asked for, even none, and still have a ' +
    '`nextCursor`. By actor (people), by entity and id, by run and by time it goes by an index.',
  access: 'viewer',
  query: z.object({ ...filters, ...pageQuery }),
  responses: { 200: { description: 'A page.', schema: shape('AuditPage', () => pageOf(AuditEntryView)) } },
  problems: [],
  handle: async ({ query }, { store }) => {
    const before = query.cursor === undefined ? undefined : decodeCursor(query.cursor).at;
    const { items, next } = await store.searchLedger(filterOf(query), query.limit, before);
    return json({
      items: items.map(auditEntryView),
      nextCursor: next === null ? null : encodeCursor({ at: next, id: tag }),
    });
  },
});

export const verifyAudit = route({
  method: 'get',
  path: '/audit/verify',
  operationId: 'verifyAudit',
  tag,
  summary: 'Whether the ledger is whole, and if not, where',
  description:
    'Reads for about ten seconds; while `complete` is false, go on with `after` and `hash` from `to`. Finds entries ' +
    'that were edited, inserted, deleted, reordered or cut off. Somebody who can rewrite the whole chain is found out ' +
    'by signed checkpoints only: `reveille audit verify --checkpoints` compares them.',
  access: 'operator',
  query: z.object({
    after: seq.default(0).describe('Begin behind this entry, which was verified before.'),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional()
      .describe('The hash of that entry; needed unless `after` is 0.'),
    to: seq.optional().describe('The last entry to read. Default: the end.'),
    hashesOf: z
      .string()
      .regex(/^\d{1,15}(,\d{1,15})*$/, 'is numbers, separated by commas')
      .transform((text) => text.split(',').map(Number))
      .pipe(z.array(z.number()).max(MAX_HASHES))
      .optional()
      .describe(`Numbers of entries whose hashes are wanted, ${MAX_HASHES} at most.`),
  }),
  responses: { 200: { description: 'What was found.', schema: AuditVerdictView } },
  problems: ['too-many-streams'],
  handle: async ({ query: { after, hash, to, hashesOf } }, { store, clock }) => {
    if (after > 0 && hash === undefined) {
      const errors = [{ field: 'query.hash', message: 'name the hash of the entry that `after` names' }];
      throw new Problem('invalid-request', { detail: 'query.hash is missing', errors });
    }
    const request = {
      ...(hash !== undefined && after > 0 && { from: { seq: after, hash } }),
      ...(to !== undefined && { to }),
      ...(hashesOf && { hashesOf }),
    };
    return reading(store, async () => json(auditVerdictView(await verifyStretch({ store, clock }, request))));
  },
});

export const exportAudit = route({
  method: 'get',
  path: '/audit/export',
  operationId: 'exportAudit',
  tag,
  summary: 'The ledger as JSON lines or CSV, oldest first',
  description:
    `At most ${MAX_EXPORT / 1_000_000},000,000 entries and ten minutes; go on with \`after\` from the last line. JSON lines without filters can ` +
    'be verified offline: `reveille audit verify --from-export`. A connection that is cut before its end is an ' +
    'export that is not whole.',
  access: 'operator',
  query: z.object({
    ...filters,
    format: z.enum(EXPORT_FORMATS).default('jsonl'),
    after: seq.default(0).describe('Begin behind this entry.'),
    limit: z.coerce.number().int().min(1).max(MAX_EXPORT).default(MAX_EXPORT),
  }),
  responses: { 200: { description: 'The entries.', contentType: 'application/x-ndjson' } },
  problems: ['too-many-streams'],
  handle: async ({ req, res, query }, { store, log }) =>
    reading(store, async () => {
      const { format, after, limit } = query;
      const type = format === 'csv' ? 'text/csv; charset=utf-8; header=present' : 'application/x-ndjson';
      // A store that does not answer is told while that can be told.
      await store.ping();
      res.writeHead(200, {
        'Content-Type': type,
        'Content-Disposition': `attachment; filename="ledger.${format}"`,
        'Cache-Control': 'no-store',
      });
      if (req.method === 'HEAD') {
        res.end();
        return { kind: 'streaming' };
      }
      const lines = exportLedger(store, { format, after, limit, filter: filterOf(query) });
      await pipeline(lines, res, { signal: AbortSignal.timeout(EXPORT_MS) }).catch((error: unknown) => {
        // The cut connection tells the reader.
        log.warn({ err: error }, 'an export of the ledger did not come to its end');
        res.destroy();
      });
      return { kind: 'streaming' };
    }),
});

const readers = new WeakMap<object, number>();

/** @throws Problem when too many read the whole ledger already */
async function reading<T>(store: object, work: () => Promise<T>): Promise<T> {
  const busy = readers.get(store) ?? 0;
  if (busy >= MAX_READERS)
    throw new Problem('too-many-streams', { retryAfterSeconds: READERS_RETRY_SECONDS });
  readers.set(store, busy + 1);
  try {
    return await work();
  } finally {
    readers.set(store, (readers.get(store) ?? 1) - 1);
  }
}
