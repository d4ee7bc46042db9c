/** Releases: what they are, what is different, and which of them did which work. */
import { z } from 'zod';
import {
  MAX_PART_BYTES,
  normalised,
  partsOf,
  projectRelease,
  releaseId,
  ReleaseManifest,
  sha256,
  Sha256,
  type Release,
} from '../../domain/release/manifest';
import type { AppDeps } from '../deps';
import { Problem } from '../problems';
import { json, route } from '../route';
import { idText, shape, pageOf, pageQuery, runId } from '../schema';
import {
  LineageView,
  lineageView,
  ReleaseDiffView,
  releaseDiffView,
  ReleaseView,
  releaseView,
} from '../views/release';

const tag = 'releases';
const params = z.object({ releaseId: Sha256 });
/** Tasks of a release that are told of. */
const MAX_WORK = 200;

export const createRelease = route({
  method: 'post',
  path: '/releases',
  operationId: 'createRelease',
  tag,
  summary: 'Put a release on record',
  description:
    'Its id is the SHA-256 of its manifest: the same again changes nothing. `parts` holds the contents that the manifest names by their hashes.',
  access: 'operator',
  body: shape('CreateRelease', () =>
    z.strictObject({
      manifest: ReleaseManifest,
      parent: Sha256.optional(),
      parts: z
        .array(z.base64().max(Math.ceil((MAX_PART_BYTES * 4) / 3) + 4))
        .max(500)
        .describe('Base64, in any order.'),
    }),
  ),
  bodyLimit: 'webhook',
  responses: {
    200: { description: 'It is on record, now or since before.', schema: ReleaseView },
  },
  problems: ['agent-not-found', 'release-not-found'],
  handle: async ({ body, actor }, deps) => {
    const { store, clock, registry } = deps;
    const manifest = normalised(body.manifest);
    const { agentId } = manifest;
    if (!registry.findAgent(agentId))
      throw new Problem('agent-not-found', { detail: `There is no agent "${agentId}".` });
    if (body.parent !== undefined) await known(body.parent, deps);
    const parts = new Map(body.parts.map((text) => Buffer.from(text, 'base64')).map((b) => [sha256(b), b]));
    const missing = partsOf(manifest).filter((hash) => !parts.has(hash));
    if (missing.length > 0) refuse('parts', `lacks the content of ${missing.slice(0, 3).join(', ')}`);
    const release: Release = {
      ...{ id: releaseId(manifest), agentId, manifest, createdAt: clock.now(), createdBy: actor },
      ...(body.parent !== undefined && { parent: body.parent }),
    };
    const added = await store.addRelease(release, parts, {
      ...{ at: release.createdAt, actor, action: 'release.created', entity: 'release', id: release.id },
      set: projectRelease(release),
    });
    return json(releaseView(added.release));
  },
});

export const listReleases = route({
  method: 'get',
  path: '/releases',
  operationId: 'listReleases',
  tag,
  summary: 'Releases, newest first',
  access: 'viewer',
  query: z.object({ ...pageQuery, agentId: idText.optional() }),
  responses: { 200: { description: 'A page.', schema: shape('ReleasePage', () => pageOf(ReleaseView)) } },
  problems: [],
  handle: async ({ query: { agentId, limit, cursor } }, { store }) => {
    const page = await store.releases(agentId === undefined ? {} : { agentId }, limit, cursor);
    return json({ items: page.items.map(releaseView), nextCursor: page.nextCursor });
  },
});

export const getRelease = route({
  method: 'get',
  path: '/releases/:releaseId',
  operationId: 'getRelease',
  tag,
  summary: 'One release, with everything that decides what its agent does',
  access: 'viewer',
  params,
  responses: { 200: { description: 'The release.', schema: ReleaseView } },
  problems: ['release-not-found'],
  handle: async ({ params: { releaseId: id } }, deps) => json(releaseView(await known(id, deps))),
});

export const diffReleases = route({
  method: 'get',
  path: '/releases/:releaseId/diff',
  operationId: 'diffReleases',
  tag,
  summary: 'What is different from another release, part by part',
  access: 'viewer',
  params,
  query: z.object({ from: Sha256.optional().describe('Left out: its parent.') }),
  responses: { 200: { description: 'The differences.', schema: ReleaseDiffView } },
  problems: ['release-not-found'],
  handle: async ({ params: { releaseId: id }, query: { from } }, deps) => {
    const to = await known(id, deps);
    const before = from ?? to.parent;
    return json(releaseDiffView(before === undefined ? undefined : await known(before, deps), to));
  },
});

export const getReleaseWork = route({
  method: 'get',
  path: '/releases/:releaseId/work',
  operationId: 'getReleaseWork',
  tag,
  summary: 'What a release did, newest first',
  access: 'viewer',
  params,
  responses: { 200: { description: `The last ${MAX_WORK} attempts.`, schema: LineageView } },
  problems: ['release-not-found'],
  handle: async ({ params: { releaseId: id } }, deps) => {
    await known(id, deps);
    return json(lineageView(await deps.store.workOfRelease(id, MAX_WORK)));
  },
});

export const getLineage = route({
  method: 'get',
  path: '/runs/:runId/lineage',
  operationId: 'getLineage',
  tag,
  summary: 'Which release did each attempt of a run, and from what',
  access: 'viewer',
  params: z.object({ runId }),
  responses: { 200: { description: 'In the order it was begun.', schema: LineageView } },
  problems: ['run-not-found'],
  handle: async ({ params: { runId: id } }, { store }) => {
    if (!(await store.run(id))) throw new Problem('run-not-found', { detail: `There is no run ${id}.` });
    return json(lineageView(await store.workOfRun(id)));
  },
});

async function known(id: string, { store }: AppDeps): Promise<Release> {
  const release = await store.release(id);
  if (!release) throw new Problem('release-not-found', { detail: `There is no release ${id}.` });
  return release;
}

function refuse(field: string, message: string): never {
  const at = `body.${field}`;
  throw new Problem('invalid-request', { detail: `${at}: ${message}`, errors: [{ field: at, message }] });
}
