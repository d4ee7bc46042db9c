/** Every route, in the order of the documentation. */
import type { Route } from '../route';
import { acknowledgeAlert, listAlerts } from './alerts';
import { getBuild, listAgents, listBuilds, redeploy } from './agents';
import { listCapsules, listShifts } from './capsules';
import { diffRuns } from './diff';
import { getCosts } from './costs';
import { exportAudit, searchAudit, verifyAudit } from './audit';
import { docs, docsAsset, index, openapi } from './docs';
import { getEmergencyStop, startEmergencyStop } from './emergency-stop';
import { events } from './events';
import { listSwitches, releaseSwitch, setSwitch } from './switches';
import { health, ready } from './health';
import { hook } from './hooks';
import { clearInbox, deliver, getDelivery, listDeliveries, replayDelivery } from './inbox';
import { createKey, listKeys, revokeKey, rotateKey, whoami } from './keys';
import { metrics } from './metrics';
import { listNotifications, testNotifications } from './notifications';
import { getReplay, startReplay } from './replays';
import { cancelRun, getRun, listRuns, rerunRun, startRun } from './runs';
import { getSchedule } from './schedules';
import { getSession, logIn, logOut } from './session';
import { decideStep, listApprovals, postEvent } from './signals';
import { claim, webhook } from './webhook';
import { getWhy } from './why';
import { getWorkflow, listWorkflows } from './workflows';

export const ROUTES: readonly Route[] = [
  startRun,
  listRuns,
  getRun,
  getWhy,
  cancelRun,
  rerunRun,
  diffRuns,
  startReplay,
  getReplay,
  postEvent,
  listApprovals,
  decideStep,
  listWorkflows,
  getWorkflow,
  getSchedule,
  hook,
  webhook,
  claim,
  listAgents,
  redeploy,
  listBuilds,
  getBuild,
  listCapsules,
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
  listSwitches,
  setSwitch,
  releaseSwitch,
  startEmergencyStop,
  getEmergencyStop,
  listAlerts,
  acknowledgeAlert,
  listNotifications,
  testNotifications,
  whoami,
  listKeys,
  createKey,
  rotateKey,
  revokeKey,
  logIn,
  getSession,
  logOut,
  health,
  ready,
  metrics,
  events,
  index,
  docs,
  docsAsset,
  openapi,
];
