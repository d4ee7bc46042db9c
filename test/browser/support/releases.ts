/** Releases of an agent over the API: one that works, one that waits for a person, one that waits for approvals. */
import { releaseId, sha256, type ReleaseManifest } from '../../../src/domain/release/manifest';
import { until } from '../../support/until';
import { MARKUP } from './installation';

const AGENT = 'gamma';
/** Where a release needs somebody's yes. */
export const CAREFUL = 'careful';

async function post<T>(url: string, path: string, body: object): Promise<T> {
  const response = await fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

async function put(url: string, prompt: string, parent?: string): Promise<string> {
  const content = Buffer.from(prompt);
  const manifest: ReleaseManifest = {
    ...{ manifestVersion: 1, agentId: AGENT, code: { tree: sha256(prompt).slice(0, 40) } },
    models: [{ provider: 'anthropic', model: 'a-model', snapshot: '20260101' }],
    prompts: [{ path: 'prompts/system.md', sha256: sha256(content) }],
    ...{ tools: [], permissions: ['net:example.com'], contractVersion: 1, config: { tone: prompt } },
  };
  const more = parent === undefined ? {} : { parent };
  await post(url, '/releases', { manifest, parts: [content.toString('base64')], ...more });
  return releaseId(manifest);
}

const isNow = (url: string, id: string, isWanted: (rollout: Rollout) => boolean): Promise<unknown> =>
  until(async () => isWanted((await (await fetch(`${url}/rollouts/${id}`)).json()) as Rollout), {
    what: `rollout ${id}`,
    deadlineMs: 30_000,
  });

interface Rollout {
  id: string;
  status: string;
  approvals: object | null;
}

export interface ShownReleases {
  /** The newest one. */
  release: string;
  /** A canary that waits for a person, or at work where something is known of the one before. */
  paused: string;
  approving: string;
}

interface Told {
  /** Of the newest one. */
  prompt?: string;
  /** What the first one does before the other comes. */
  work?: () => Promise<unknown>;
}

export async function fillReleases(
  url: string,
  { prompt = `Be kind. ${MARKUP}`, work }: Told = {},
): Promise<ShownReleases> {
  const first = await put(url, 'Be brief.');
  const release = await put(url, prompt, first);
  const deploy = async (path: string, releaseId: string, more: object = {}) =>
    (await post<Rollout>(url, path, { agentId: AGENT, releaseId, ...more })).id;
  await isNow(url, await deploy('/deployments', first), (r) => r.status === 'done');
  await work?.();
  // Where nothing is known of the incumbent nothing can be told.
  const paused = await deploy('/deployments/canary', release);
  await isNow(url, paused, (r) => r.status === (work ? 'canary' : 'paused'));
  const policy = { approvals: 1, promoteFrom: null, demands: [], keepPreviousWarmMs: 600_000 };
  await post(url, `/agents/${AGENT}/environments/${CAREFUL}/policy`, policy);
  const approving = await deploy('/deployments', first, { environment: CAREFUL });
  await isNow(url, approving, (r) => r.approvals !== null);
  return { release, paused, approving };
}
