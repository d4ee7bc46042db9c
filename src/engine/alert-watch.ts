/** Looks at the record now and then, and opens and closes the alerts of `domain/alert-rules.ts`. */
import { alertChanges, dueAlerts, type Watched } from '../domain/alert-rules';
import { capsulesOf } from '../registry/capsules';
import type { Alerts } from './alerts';
import type { EngineDeps } from './context';
import { lingerHintMs } from './lease';

const PERIOD_MS = 30_000;
const ACTOR = 'alert-rules';
/** Open alerts that are compared, and runs of a workflow among which the last that ended is looked for. */
const MAX_OPEN = 500;
const MAX_RUNS = 10;

type Deps = Pick<EngineDeps, 'store' | 'registry' | 'clock' | 'log'>;

export class AlertWatch {
  private cancel: () => void = () => undefined;
  private closed = false;

  constructor(
    private readonly deps: Deps,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
  ) {}

  start(): void {
    this.cancel = this.deps.clock.after(PERIOD_MS, () => {
      this.look()
        .catch((error: unknown) => this.deps.log.warn({ err: error }, 'the alert rules could not look'))
        .finally(() => !this.closed && this.start());
    });
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }

  /** One look; the timer's work, and a step for tests. */
  async look(): Promise<void> {
    const { store, clock } = this.deps;
    const [watched, open] = await Promise.all([this.watched(), store.alerts({ open: true }, MAX_OPEN)]);
    const { raise, resolve } = alertChanges(dueAlerts(watched, clock.now()), open.items);
    for (const alert of raise) await this.alerts.raise(alert, ACTOR);
    for (const alert of resolve) await this.alerts.resolve(alert, 'it is so no more', ACTOR);
  }

  private async watched(): Promise<Watched> {
    const { store, registry } = this.deps;
    const lastRuns = [];
    const outcomes = [];
    for (const { id } of registry.workflows) {
      const { items } = await store.runs({ workflowId: id }, MAX_RUNS);
      const ended = items.filter(({ status }) => status === 'succeeded' || status === 'failed');
      if (ended[0]) lastRuns.push(ended[0]);
      const failed = ended.filter(({ status }) => status === 'failed').length;
      outcomes.push({ workflowId: id, ended: ended.length, failed });
    }
    const lingers = new Map(
      registry.agents.flatMap((agent) =>
        capsulesOf(agent).map(({ capsuleId }) => [capsuleId, lingerHintMs(agent)] as const),
      ),
    );
    const capsules = [];
    for (const { state, activity } of await store.capsules()) {
      const [head] = activity.waiting > 0 ? await store.waiting(state.id, 1) : [];
      const { idleSince } = activity;
      capsules.push({
        state,
        oldestRequestAt: head?.requestedAt,
        idleSince,
        lingerMs: lingers.get(state.id),
      });
    }
    return { capsules, lastRuns, outcomes };
  }
}
