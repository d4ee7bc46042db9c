/**
 * A release: everything that decides what an agent does, named by the hash of its manifest. The same inputs give
 * the same id on any machine: nothing in a manifest tells of a place or a time.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalJson } from '../canonical-json';

export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hexadecimal');
/** Of git: SHA-1, or SHA-256 in repositories of that kind. */
const TreeSha = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'is no git tree');

/** Parts of one release at most. */
export const MAX_PARTS = 500;
/** A part is stored whole; larger data belongs into an index that is named by its hash. */
export const MAX_PART_BYTES = 1024 * 1024;

const path = z
  .string()
  .min(1)
  .max(300)
  .regex(/^[^\p{Cc}\p{Cs}\\]+$/u, 'holds control characters or a backslash')
  .refine((p) => !p.startsWith('/') && !p.split('/').some((s) => s === '' || s === '.' || s === '..'), {
    message: 'is no path inside the agent: write it like prompts/system.md',
  });
const text = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}\p{Cs}]+$/u, 'holds control characters');

/** A file, by what is in it. */
const Part = z.strictObject({ path, sha256: Sha256 });

export const ReleaseManifest = z.strictObject({
  manifestVersion: z.literal(1),
  agentId: text,
  code: z.strictObject({
    /** Of the agent's folder; undefined where the folder is under no version control. */
    tree: TreeSha.optional(),
    /** Of every file of the folder, where the tree was not clean or there is none. */
    files: Sha256.optional(),
  }),
  /** Which model does the work, to the snapshot. */
  models: z.array(z.strictObject({ provider: text, model: text, snapshot: text.optional() })).max(20),
  prompts: z.array(Part).max(MAX_PARTS),
  /** What it is evaluated by; left out where there is nothing. */
  evals: z.array(Part).max(MAX_PARTS).optional(),
  tools: z.array(z.strictObject({ name: text, sha256: Sha256 })).max(MAX_PARTS),
  /** What the tools may do, e.g. `net:api.example.com`. */
  permissions: z.array(text).max(200),
  /** The build of the data that is looked things up in. */
  index: z.strictObject({ name: text, build: text }).optional(),
  contractVersion: z.number().int().min(1),
  /** Settings that change what the agent does; secrets have no place here. */
  config: z.record(z.string(), z.union([z.string().max(2_000), z.number(), z.boolean()])),
});
export type ReleaseManifest = z.infer<typeof ReleaseManifest>;

/** Which manifest it came after; no part of the id, or going back would make a new release. */
export interface Release {
  id: string;
  agentId: string;
  manifest: ReleaseManifest;
  parent?: string;
  createdAt: number;
  /** Who made it, as the ledger names them. */
  createdBy: string;
}

export const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex');

/** Lists whose order means nothing, in one order. */
export function normalised(manifest: ReleaseManifest): ReleaseManifest {
  const by = <T>(list: readonly T[], key: (item: T) => string): T[] =>
    [...list].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  return {
    ...manifest,
    prompts: by(manifest.prompts, (p) => p.path),
    ...(manifest.evals && { evals: by(manifest.evals, (e) => e.path) }),
    tools: by(manifest.tools, (t) => t.name),
    permissions: by([...new Set(manifest.permissions)], (p) => p),
  };
}

/** SHA-256 of the canonical JSON. */
export const releaseId = (manifest: ReleaseManifest): string => sha256(canonicalJson(normalised(manifest)));

/** The hashes of everything that is kept beside the manifest. */
export const partsOf = ({ prompts, evals = [], tools }: ReleaseManifest): string[] => [
  ...new Set([...prompts, ...evals, ...tools].map((p) => p.sha256)),
];

/** What the ledger tells of a release. */
export const projectRelease = ({ agentId, parent }: Release): Record<string, unknown> => ({
  agent: agentId,
  ...(parent !== undefined && { parent }),
});
