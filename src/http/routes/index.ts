/** Every route, in the order of the documentation. */
import type { Route } from '../route';
import { getBuild, listAgents, listBuilds, redeploy } from './agents';
import { listCapsules, listShifts } from './capsules';
import { diffRuns } from './diff';
import { docs, docsAsset, index, openapi } from './docs';
import { events } from './events';
import { health, ready } from './health';
import { hook } from './hooks';
import { clearInbox, deliver, getDelivery, listDeliveries, replayDelivery } from './inbox';
import { metrics } from './metrics';
import { getReplay, startReplay } from './replays';
import { cancelRun, getRun, listRuns, rerunRun, startRun } from './runs';
import { decideStep, listApprovals, postEvent } from './signals';
import { claim, webhook } from './webhook';
import { getWorkflow, listWorkflows } from './workflows';

export const ROUTES: readonly Route[] = [
  startRun,
  listRuns,
  getRun,
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
  hook,
  webhook,
  claim,
  listAgents,
  redeploy,
  listBuilds,
  getBuild,
  listCapsules,
  listShifts,
  listDeliveries,
  clearInbox,
  deliver,
  getDelivery,
  replayDelivery,
  health,
  ready,
  metrics,
  events,
  index,
  docs,
  docsAsset,
  openapi,
];
