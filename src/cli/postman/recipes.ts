/**
 * What the OpenAPI document cannot say: which values a request is tried with, and what is then to be
 * expected. An operation that is not here gets a request made from the document alone.
 */
import { TEST_JOB } from './agent';
import { hasStatus } from './scripts';

export interface Recipe {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: object;
  /** Default: every status of the document. */
  statuses?: number[];
  /** Codes a refusal may have. Default: any. */
  codes?: string[];
  /** Variables to set from a success: a path in its body. */
  carry?: Record<string, string>;
  /** Left out of a run unless this variable is `yes`. */
  onlyWith?: string;
  /** The same request once more, changed. */
  also?: { name: string; method: string; tests: string[] };
}

const { workflowId, stepId, runId } = TEST_JOB;
/** A bin of the inbox that belongs to this collection. */
const BIN = '{{bin}}';
const INBOX_OFF = 'inbox-off';
const NO_RELEASE = '0'.repeat(64);
const NO_DEPLOYMENT = { agentId: 'no-such-agent', releaseId: NO_RELEASE };

export const RECIPES: Record<string, Recipe> = {
  startRun: { body: { input: {} }, statuses: [201], carry: { runId: '.id' } },
  listRuns: { query: { workflowId: '{{workflowId}}', limit: '5' }, statuses: [200] },
  getRun: { statuses: [200] },
  getPastTask: {
    params: { stepId, attempt: '1' },
    statuses: [200, 404],
    codes: ['attempt-not-found'],
  },
  cancelRun: { body: { reason: 'cancelled from Postman' }, statuses: [200, 409], codes: ['run-over'] },
  rerunRun: { body: {}, statuses: [201] },
  diffRuns: { params: { otherId: '{{runId}}' }, statuses: [200] },
  // A preview: a run of the collection starts nothing in bulk.
  startReplay: { body: { filter: { workflowId: '{{workflowId}}' }, preview: true }, statuses: [200] },
  getReplay: {
    params: { id: TEST_JOB.runId },
    statuses: [200, 404],
    codes: ['replay-not-found'],
  },
  // Nobody can prove to be a sender here, and most workflows have none.
  deliverHook: {
    body: { note: 'from Postman' },
    statuses: [401, 404],
    codes: ['hook-refused', 'hook-not-found'],
  },
  postEvent: {
    body: { name: 'example', key: 'postman', payload: { from: 'Postman' } },
    statuses: [202],
  },
  listApprovals: { query: { limit: '5' }, statuses: [200] },
  getApproval: { params: { id: TEST_JOB.runId }, statuses: [404], codes: ['approval-not-found'] },
  decideApproval: {
    params: { id: TEST_JOB.runId },
    body: { verdict: 'approve' },
    statuses: [404],
    codes: ['approval-not-found'],
  },
  getApprovalPage: {
    params: { id: TEST_JOB.runId },
    statuses: [200, 404],
    codes: ['approval-not-found'],
  },
  decideOnPage: { params: { id: TEST_JOB.runId }, statuses: [400, 401], codes: ['invalid-request', 'unauthorized'] },
  getOversight: { params: { agentId: '{{agentId}}' }, statuses: [200, 404], codes: ['agent-not-found'] },
  // Takes effect at once, where there is such an agent.
  setOversight: {
    params: { agentId: 'no-such-agent' },
    body: { level: 'supervised', reason: 'set from Postman' },
    statuses: [404],
    codes: ['agent-not-found'],
  },
  // No run waits for a person here: what is shown is that a decision nobody asked for changes nothing.
  decideStep: {
    params: { stepId: 'no-such-step' },
    body: { approve: true, comment: 'decided from Postman' },
    statuses: [409],
    codes: ['nothing-to-decide'],
  },
  listWorkflows: { statuses: [200] },
  getWorkflow: { statuses: [200] },
  getSchedule: { statuses: [200, 404], codes: ['no-schedule'] },
  whoAmI: { statuses: [200] },
  listKeys: { query: { limit: '5' }, statuses: [200] },
  // A run of the collection leaves no key behind: what is shown is the refusal of one that is over already.
  createKey: {
    body: { name: 'from Postman', scopes: ['viewer'], expiresAt: '2026-01-01T00:00:00Z' },
    statuses: [400],
    codes: ['invalid-request'],
  },
  rotateKey: { params: { keyId: '000000000000' }, body: {}, statuses: [404], codes: ['key-not-found'] },
  revokeKey: { params: { keyId: '000000000000' }, body: {}, statuses: [404], codes: ['key-not-found'] },
  logIn: {
    body: { key: 'a-guess' },
    statuses: [401, 403],
    codes: ['login-refused', 'login-in-the-clear'],
  },
  // An API key has no login of its own.
  getSession: { statuses: [404], codes: ['no-session'] },
  endSessions: { body: { who: 'user:nobody' }, statuses: [200] },
  logOut: { statuses: [404], codes: ['no-session'] },
  // No pointer is moved from here: what is shown is the refusal of what does not exist.
  listReleases: { query: { limit: '5' }, statuses: [200] },
  createRelease: {
    body: {
      manifest: {
        ...{ manifestVersion: 1, agentId: 'no-such-agent', code: {}, models: [], prompts: [], tools: [] },
        ...{ permissions: [], contractVersion: 1, config: {} },
      },
      parts: [],
    },
    statuses: [404],
    codes: ['agent-not-found'],
  },
  getRelease: { params: { releaseId: NO_RELEASE }, statuses: [404], codes: ['release-not-found'] },
  diffReleases: { params: { releaseId: NO_RELEASE }, query: {}, statuses: [404], codes: ['release-not-found'] },
  getReleaseWork: { params: { releaseId: NO_RELEASE }, statuses: [404], codes: ['release-not-found'] },
  listVerdicts: { params: { releaseId: NO_RELEASE }, statuses: [404], codes: ['release-not-found'] },
  reportVerdict: {
    params: { releaseId: NO_RELEASE },
    body: { stage: 'sandbox', verdict: 'inconclusive', reason: 'It was not tried.', durationMs: 0, report: {} },
    statuses: [404],
    codes: ['release-not-found'],
  },
  getVerdictEvidence: {
    params: { releaseId: NO_RELEASE, sha256: NO_RELEASE },
    statuses: [404],
    codes: ['release-not-found'],
  },
  getAgentUses: { params: { agentId: 'no-such-agent' }, statuses: [404], codes: ['agent-not-found'] },
  getLineage: { statuses: [200] },
  listEnvironments: { statuses: [200] },
  deployAgent: { body: NO_DEPLOYMENT, statuses: [404], codes: ['agent-not-found'] },
  forecastReplay: { body: NO_DEPLOYMENT, statuses: [404], codes: ['agent-not-found'] },
  listReplayTasks: { body: NO_DEPLOYMENT, statuses: [404], codes: ['agent-not-found'] },
  createCanaryDeployment: { body: NO_DEPLOYMENT, statuses: [404], codes: ['agent-not-found'] },
  createShadowDeployment: { body: NO_DEPLOYMENT, statuses: [404], codes: ['agent-not-found'] },
  rollbackDeployment: {
    params: { agentId: 'no-such-agent' },
    body: {},
    statuses: [404],
    codes: ['agent-not-found'],
  },
  listRollouts: { query: { limit: '5' }, statuses: [200] },
  getRollout: { params: { rolloutId: TEST_JOB.runId }, statuses: [404], codes: ['rollout-not-found'] },
  promoteCanary: {
    params: { rolloutId: TEST_JOB.runId },
    body: { reason: 'from Postman' },
    statuses: [404],
    codes: ['rollout-not-found'],
  },
  watchRollout: { params: { rolloutId: TEST_JOB.runId }, statuses: [404], codes: ['rollout-not-found'] },
  getRolloutEvidence: {
    params: { rolloutId: TEST_JOB.runId, sha256: NO_RELEASE },
    statuses: [404],
    codes: ['rollout-not-found'],
  },
  approveRollout: {
    params: { rolloutId: TEST_JOB.runId },
    body: { reason: 'The verdicts are good' },
    statuses: [404],
    codes: ['rollout-not-found'],
  },
  setEnvironmentPolicy: {
    params: { agentId: 'no-such-agent', environment: 'production' },
    body: { promoteFrom: 'staging', approvals: 1 },
    statuses: [404],
    codes: ['agent-not-found'],
  },
  retryRollout: { params: { rolloutId: TEST_JOB.runId }, statuses: [404], codes: ['rollout-not-found'] },
  abortRollout: {
    params: { rolloutId: TEST_JOB.runId },
    body: {},
    statuses: [404],
    codes: ['rollout-not-found'],
  },
  listSwitches: { query: { limit: '5' }, statuses: [200] },
  // Nothing is switched off from here by a slip: what is shown is the refusal of what does not exist.
  setSwitch: {
    body: { scope: 'workflow', subject: 'no-such-workflow', message: 'from Postman' },
    statuses: [404],
    codes: ['switch-subject-unknown'],
  },
  releaseSwitch: {
    params: { switchId: '00000000-0000-4000-8000-000000000000' },
    body: {},
    statuses: [404],
    codes: ['switch-not-found'],
  },
  startEmergencyStop: {
    body: { mode: 'cancel', message: '' },
    statuses: [400],
    codes: ['invalid-request'],
  },
  getEmergencyStop: {
    params: { stopId: '00000000-0000-4000-8000-000000000000' },
    statuses: [404],
    codes: ['emergency-stop-not-found'],
  },
  listAlerts: { query: { open: 'true', limit: '5' }, statuses: [200] },
  // Whether anything is wrong here is not known: what is shown is the answer when it is not.
  acknowledgeAlert: {
    params: { alertId: '00000000-0000-4000-8000-000000000000' },
    statuses: [404],
    codes: ['alert-not-found'],
  },
  listAgents: { statuses: [200] },
  // Wakes and stops nothing: what is shown is the refusal of what there is not.
  wakeCapsule: {
    params: { capsuleId: 'no-such-capsule' },
    body: { reason: 'from Postman', forSeconds: 60 },
    statuses: [404],
    codes: ['capsule-not-found'],
  },
  sleepCapsule: {
    params: { capsuleId: 'no-such-capsule' },
    body: { reason: 'from Postman' },
    statuses: [404],
    codes: ['capsule-not-found'],
  },
  redeployAgent: {
    body: {},
    statuses: [200, 202, 409, 501, 502],
    codes: ['agent-at-work', 'build-under-way', 'builds-unsupported', 'platform-refused', 'build-uncertain'],
    carry: { buildId: '.buildId' },
    // It builds and deploys for real.
    onlyWith: 'redeploy',
  },
  listBuilds: {
    statuses: [200, 501, 502],
    codes: ['builds-unsupported', 'platform-refused'],
    carry: { buildId: '.items[0]?.buildId' },
  },
  getBuild: {
    query: { logLines: '20' },
    statuses: [200, 404, 501, 502],
    codes: ['build-not-found', 'builds-unsupported', 'platform-refused'],
  },
  // Only an agent with a job knows a token; a guess is refused before the body is read.
  deliverResult: {
    query: { token: 'a-guess' },
    body: { workflowId, stepId, runId, status: 'success', output: {}, durationMs: 1 },
    statuses: [401],
    codes: ['callback-forged'],
  },
  claimJob: {
    body: { agentId: '{{agentId}}', bootId: 'postman', secret: 'a-guess' },
    statuses: [401],
    codes: ['claim-refused'],
  },
  listCapsules: { statuses: [200] },
  listShifts: { query: { limit: '5' }, statuses: [200] },
  deliverToInbox: {
    params: { id: BIN },
    body: { workflowId, stepId, runId, status: 'success', output: {}, durationMs: 1 },
    statuses: [200, 404],
    codes: [INBOX_OFF],
    carry: { deliveryId: '.id' },
  },
  listDeliveries: { query: { bin: BIN, limit: '5' }, statuses: [200, 404], codes: [INBOX_OFF] },
  getDelivery: {
    params: { id: '{{deliveryId}}' },
    statuses: [200, 404],
    codes: [INBOX_OFF, 'delivery-not-found'],
  },
  // What came to a bin was proved by no token.
  replayDelivery: {
    params: { id: '{{deliveryId}}' },
    statuses: [404, 409],
    codes: [INBOX_OFF, 'delivery-not-found', 'delivery-not-replayable'],
  },
  clearInbox: { query: { bin: BIN }, statuses: [200, 404], codes: [INBOX_OFF] },
  getHealth: { statuses: [200] },
  getReady: { statuses: [200] },
  getMetrics: { statuses: [200] },
  streamEvents: {
    statuses: [200],
    // A stream has no end: a run of the collection would wait for it.
    onlyWith: 'streamEvents',
    also: { name: 'Whether events are streamed', method: 'HEAD', tests: hasStatus(200) },
  },
  getIndex: { statuses: [200] },
  getDocs: { statuses: [200] },
  getDocsAsset: { params: { asset: 'swagger-ui.css' }, statuses: [200] },
  getOpenApi: { statuses: [200] },
};
