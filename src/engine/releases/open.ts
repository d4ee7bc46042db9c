/** Wires what rollouts are made of. */
import type { Alerts } from '../alerts';
import type { Breakers } from '../breakers';
import type { Capsules } from '../capsules';
import type { EngineDeps } from '../context';
import type { Guards } from '../guards';
import type { Runs } from '../runs';
import type { Tasks } from '../tasks';
import { BreakerTrips } from './breaker-trips';
import { Canary } from './canary';
import { Copies } from './copies';
import type { Releases } from './index';
import { KeepWarm } from './keep-warm';
import { Replay } from './replay';
import { Rollouts } from './rollouts';
import { Shadow } from './shadow';
import { Stages } from './stages';
import { Validation } from './validate';

interface Used {
  releases: Releases;
  runs: Runs;
  capsules: Capsules;
  guards: Guards;
  tasks: Tasks;
  alerts: Alerts;
  breakers: Breakers;
}

export function openRollouts(deps: EngineDeps, used: Used): Rollouts {
  const { releases, runs, capsules, guards, tasks, alerts, breakers } = used;
  const copies = new Copies(deps, runs);
  const parts = {
    validation: new Validation(deps),
    canary: new Canary(deps),
    shadow: new Shadow(deps, copies),
    replay: new Replay(deps, releases, copies),
  };
  const stages = new Stages(deps, releases, capsules, guards, parts);
  const keepWarm = new KeepWarm(deps, releases, capsules, guards);
  const rollouts = new Rollouts(deps, releases, stages, runs, alerts, tasks, keepWarm);
  const trips = new BreakerTrips(deps, { releases, rollouts, breakers });
  breakers.onOpen = (state) => trips.opened(state);
  releases.capsuleSeen = (id) => capsules.peek(id);
  releases.onWork = (agentId) => {
    if (releases.peek(agentId)?.candidate !== undefined)
      tasks.spawn('rollout', () => rollouts.moved(agentId));
  };
  return rollouts;
}
