/** Every route, in the order of the documentation. */
import type { Route } from '../route';
import { acknowledgeAlert, listAlerts } from './alerts';
import { getBuild, listAgents, listBuilds, redeploy } from './agents';
import { approvalPage, decideOnPage } from './approval-page';
import { decideApproval, decideStep, getApproval, listApprovals } from './approvals';
import {
  createRelease,
  diffReleases,
  getLineage,
  getRelease,
  getReleaseWork,
  listReleases,
} from './releases';
import { listEnvironments, setEnvironmentPolicy } from './environments';
import { forecastReplay, getPastTask, listReplayTasks } from './replay-of-rollout';
import {
  abortRollout,
  approveRollout,
  createCanaryDeployment,
  createShadowDeployment,
  deployAgent,
  getRollout,
  getRolloutEvidence,
  listRollouts,
  promoteCanary,
  retryRollout,
  rollbackDeployment,
  watchRollout,
} from './rollouts';
import { getAgentUses, getVerdictEvidence, listVerdicts, reportVerdict } from './verdicts';
import { listBudgets, listCaps, raiseBudget, setBudget } from './budgets';
import { listCapsules, listShifts, sleepCapsule, wakeCapsule } from './capsules';
import { diffRuns } from './diff';
import { fixDoctor, getDoctor } from './doctor';
import { getCosts } from './costs';
import { exportAudit, searchAudit, verifyAudit } from './audit';
import { asset, index, screen, screenOfOne } from './dashboard';
import { docs, docsAsset, openapi } from './docs';
import { getEmergencyStop, startEmergencyStop } from './emergency-stop';
import { events } from './events';
import { listBreakers, resetBreaker } from './breakers';
import { listSwitches, releaseSwitch, setSwitch } from './switches';
import { health, ready } from './health';
import { hook } from './hooks';
import { clearInbox, deliver, getDelivery, listDeliveries, replayDelivery } from './inbox';
import { createKey, listKeys, revokeKey, rotateKey, whoami } from './keys';
import { metrics } from './metrics';
import { getOversight, setOversight } from './oversight';
import { getProtocol, listProtocols, startProtocol, stopProtocol } from './protocols';
import { listNotifications, testNotifications } from './notifications';
import { getReplay, startReplay } from './replays';
import { cancelRun, countRuns, getRun, listRuns, rerunRun, startRun } from './runs';
import { getSchedule } from './schedules';
import { getSession, logIn, logOut } from './session';
import { endSessions } from './session-end';
import { beginOidc, finishOidc, loginMethods } from './session-oidc';
import { postEvent } from './signals';
import { claim, webhook } from './webhook';
import { getWhy } from './why';
import { getWorkflow, listWorkflows } from './workflows';

export const ROUTES: readonly Route[] = [
  startRun,
  listRuns,
  countRuns,
  getRun,
  getWhy,
  cancelRun,
  rerunRun,
  diffRuns,
  startReplay,
  getReplay,
  postEvent,
  listApprovals,
  getApproval,
  decideApproval,
  approvalPage,
  decideOnPage,
  decideStep,
  listWorkflows,
  getWorkflow,
  getSchedule,
  hook,
  webhook,
  claim,
  listAgents,
  getOversight,
  setOversight,
  listProtocols,
  startProtocol,
  getProtocol,
  stopProtocol,
  redeploy,
  listBuilds,
  getBuild,
  listCapsules,
  wakeCapsule,
  sleepCapsule,
  listShifts,
  getCosts,
  searchAudit,
  verifyAudit,
  exportAudit,
  listDeliveries,
  clearInbox,
  deliver,
  getDelivery,
  replayDelivery,
  listBreakers,
  resetBreaker,
  listSwitches,
  setSwitch,
  releaseSwitch,
  listBudgets,
  raiseBudget,
  setBudget,
  listCaps,
  listReleases,
  createRelease,
  getRelease,
  diffReleases,
  getReleaseWork,
  listVerdicts,
  reportVerdict,
  getVerdictEvidence,
  getAgentUses,
  getLineage,
  getPastTask,
  listEnvironments,
  setEnvironmentPolicy,
  deployAgent,
  forecastReplay,
  listReplayTasks,
  createCanaryDeployment,
  createShadowDeployment,
  rollbackDeployment,
  listRollouts,
  getRollout,
  watchRollout,
  getRolloutEvidence,
  promoteCanary,
  approveRollout,
  retryRollout,
  abortRollout,
  startEmergencyStop,
  getEmergencyStop,
  listAlerts,
  acknowledgeAlert,
  listNotifications,
  testNotifications,
  getDoctor,
  fixDoctor,
  whoami,
  listKeys,
  createKey,
  rotateKey,
  revokeKey,
  logIn,
  getSession,
  logOut,
  endSessions,
  loginMethods,
  beginOidc,
  finishOidc,
  health,
  ready,
  metrics,
  events,
  index,
  screen,
  screenOfOne,
  asset,
  docs,
  docsAsset,
  openapi,
];
