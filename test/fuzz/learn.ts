/** What members learn from answers: the names of what came into being, for requests that come later. */
import { asked, decisionsOnPage, goesOn, mayBegin, worked } from './knowledge';
import type { Scene } from './scene';
import type { FuzzAnswer } from './sender';

type Json = Record<string, unknown>;

/** Where the id in an answer may be asked for. */
const IDS: Readonly<Record<string, readonly string[]>> = {
  startRun: ['runId', 'otherId'],
  rerunRun: ['runId', 'otherId'],
  startReplay: ['/replays/:id'],
  createRelease: ['releaseId', 'parent'],
  deployAgent: ['rolloutId', 'deploymentId'],
  createCanaryDeployment: ['rolloutId', 'deploymentId'],
  createShadowDeployment: ['rolloutId', 'deploymentId'],
  setSwitch: ['switchId'],
  startEmergencyStop: ['stopId'],
  startProtocol: ['protocolId'],
};
/** The same of each of a list. */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  listAlerts: ['alertId'],
  listSwitches: ['switchId'],
  listApprovals: ['/approvals/:id'],
  listDeliveries: ['/inbox/:id'],
  listProtocols: ['protocolId'],
  listRollouts: ['rolloutId', 'deploymentId'],
  listRuns: ['runId'],
};
/** Of a page; all of it would say no more. */
const MAX_ITEMS = 5;

export interface Learned {
  /** Secrets that only this answer may show. */
  secrets: readonly string[];
  /** Another way to call: somebody is logged in. */
  caller?: Readonly<Record<string, string>>;
}

export function learn(scene: Scene, operationId: string, answer: FuzzAnswer, path: string): Learned {
  const body = bodyOf(answer);
  if (!body) return { secrets: [] };
  tell(scene, IDS[operationId], body);
  for (const item of itemsOf(body)) tell(scene, LISTS[operationId], item);
  for (const { runId, stepId } of itemsOf(body))
    if (isText(runId) && isText(stepId)) worked(scene, runId, stepId);
  if (/Rollout|Deployment|deployAgent/.test(operationId)) evidence(scene, body);
  if (operationId === 'startRun' && body['workflowId'] === 'asks' && isText(body['id']))
    asked(scene, body['id']);
  if (operationId === 'listDeliveries') replayable(scene, body);
  if (operationId === 'listVerdicts') judged(scene, body, path);
  if (operationId === 'redeployAgent' && isText(body['buildId'])) scene.add('buildId', body['buildId']);
  if (operationId === 'createKey' || operationId === 'rotateKey') return keyOf(scene, body);
  if (operationId === 'logIn') return login(scene, body, answer);
  return { secrets: [] };
}

const isText = (value: unknown): value is string => typeof value === 'string';

function bodyOf({ status, type, text }: FuzzAnswer): Json | undefined {
  if (status >= 300 || text === '' || !type.startsWith('application/json')) return undefined;
  const body = JSON.parse(text) as unknown;
  return typeof body === 'object' && body !== null && !Array.isArray(body) ? (body as Json) : undefined;
}

const itemsOf = ({ items }: Json): Json[] =>
  Array.isArray(items) ? (items as Json[]).slice(0, MAX_ITEMS) : [];

function tell(scene: Scene, fields: readonly string[] | undefined, { id }: Json): void {
  for (const field of fields ?? []) if (isText(id)) scene.add(field, id);
}

/** What a verdict of a rollout rests on is asked for with the rollout. */
function evidence(scene: Scene, { id, status, verdicts }: Json): void {
  if (!isText(id) || !Array.isArray(verdicts)) return;
  if (status === 'paused') goesOn(scene, id);
  if (status === 'gating') mayBegin(scene, id);
  for (const { evidence: hashes } of verdicts as Array<{ evidence?: unknown }>)
    for (const sha256 of Array.isArray(hashes) ? (hashes as unknown[]).filter(isText) : [])
      scene.addExample('getRolloutEvidence', { params: { rolloutId: id, sha256 } });
}

function replayable(scene: Scene, body: Json): void {
  for (const { id, replayable: isSo } of itemsOf(body))
    if (isText(id) && isSo === true) scene.addExample('replayDelivery', { params: { id } });
}

function judged(scene: Scene, body: Json, path: string): void {
  const releaseId = path.split('/')[2];
  for (const { evidence: sha256 } of itemsOf(body))
    if (releaseId !== undefined && isText(sha256))
      scene.addExample('getVerdictEvidence', { params: { releaseId, sha256 } });
}

function keyOf(scene: Scene, { key, secret }: Json): Learned {
  tell(scene, ['keyId'], (key ?? {}) as Json);
  return { secrets: isText(secret) ? [secret] : [] };
}

function login(scene: Scene, { csrfToken }: Json, { cookie }: FuzzAnswer): Learned {
  const pair = cookie?.split(';')[0];
  if (pair === undefined || !isText(csrfToken)) return { secrets: [] };
  decisionsOnPage(scene, { cookie: pair, csrf: csrfToken });
  return { secrets: [pair.split('=')[1] ?? ''], caller: { cookie: pair, 'x-csrf-token': csrfToken } };
}
