/** The ledger as the API shows it. */
import { z } from 'zod';
import { runOf, traceOf } from '../../domain/ledger';
import type { FoundEntry } from '../../domain/ledger/search';
import type { ChainPlace, Finding } from '../../domain/ledger/verify';
import type { Stretch } from '../../engine/audit/verify';
import { isoTime, jsonObject, shape } from '../schema';
import { iso } from './time';

const seq = z.number().int().nonnegative();

export const AuditEntryView = shape('AuditEntry', () =>
  z.object({
    seq: seq.describe('Its number in the ledger.'),
    at: isoTime,
    actor: z.string().describe('Who: `engine`, `schedule`, `agent:<id>`, `key:<id>`, `local`.'),
    action: z.string().describe('What, as `entity.verb`.'),
    entity: z.string(),
    id: z.string().describe('Which one of its entity.'),
    set: jsonObject.describe('What it changed, with the new values; null where a field went away.'),
    was: jsonObject.nullable().describe('What those fields were before, where they were anything.'),
    reason: z.string().nullable(),
    runId: z.string().nullable(),
    traceId: z.string().nullable().describe('The trace of that run.'),
    hash: z.string().describe('SHA-256 over the hash of the entry before and the text of this one.'),
  }),
);

export const auditEntryView = ({ seq, hash, entry }: FoundEntry): z.infer<typeof AuditEntryView> => ({
  seq,
  at: iso(entry.at),
  actor: entry.actor,
  action: entry.action,
  entity: entry.entity,
  id: entry.id,
  set: entry.set,
  was: entry.was ?? null,
  reason: entry.reason ?? null,
  runId: runOf(entry) ?? null,
  traceId: traceOf(entry) ?? null,
  hash,
});

export const ChainPlaceView = shape('ChainPlace', () => z.object({ seq, hash: z.string() }));

export const FindingView = shape('AuditFinding', () =>
  z.object({
    kind: z.enum(['edited', 'inserted', 'deleted', 'reordered', 'cut-off', 'rewritten', 'checkpoint']),
    seq: seq.describe('The first entry concerned.'),
    lastSeq: seq.describe('The last entry concerned.'),
    reason: z.string(),
  }),
);

export const AuditVerdictView = shape('AuditVerdict', () =>
  z.object({
    ok: z.boolean().describe('Nothing wrong was found from `from` to `to`.'),
    complete: z.boolean().describe('False: there is more; go on with `after` and `hash` from `to`.'),
    from: ChainPlaceView,
    to: ChainPlaceView.describe('How far it was read.'),
    end: ChainPlaceView.describe('Where the record says that the ledger ends.'),
    entries: seq.describe('How many were read.'),
    findings: z.array(FindingView),
    hashes: z.array(ChainPlaceView).describe('Of the entries named by `hashesOf`.'),
  }),
);

const place = ({ seq: at, hash }: ChainPlace) => ({ seq: at, hash });
const finding = ({ kind, seq: first, lastSeq, reason }: Finding) => ({ kind, seq: first, lastSeq, reason });

export const auditVerdictView = (stretch: Stretch): z.infer<typeof AuditVerdictView> => ({
  ok: stretch.findings.length === 0,
  complete: stretch.complete,
  from: place(stretch.from),
  to: place(stretch.to),
  end: place(stretch.end),
  entries: stretch.entries,
  findings: stretch.findings.map(finding),
  hashes: [...stretch.hashes].map(([at, hash]) => ({ seq: at, hash })),
});
