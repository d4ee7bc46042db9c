/** When scheduled runs begin: on their tick, or later in its slack where that lets several share a shift. */
import { agentsOf } from '../domain/prewarm';
import { placeKey, placements, startOfDay, type Placeable } from '../domain/placement';
import { nextTicks, ticksBetween } from '../domain/schedule';
import { planFor, type Registry, type Workflow } from '../registry';

/** A scheduled time, and when its run begins. */
export interface Slot {
  workflow: Workflow;
  scheduledFor: number;
  startsAt: number;
}

export class Timetable {
  /** Places by day; of the last days that were asked for. */
  private readonly days = new Map<number, Map<string, number>>();
  private readonly upcoming = new Map<string, Slot>();
  private readonly scheduled: Workflow[];
  private readonly placeable: Placeable[];

  constructor(registry: Pick<Registry, 'workflows' | 'workflow' | 'agent'>) {
    this.scheduled = registry.workflows.filter((w) => w.schedule && w.schedule.enabled !== false);
    this.placeable = this.scheduled.flatMap((workflow) => {
      const { id, schedule } = workflow;
      const capsules = agentsOf(planFor(workflow, registry)).map(
        (agentId) => registry.agent(agentId).capsuleId,
      );
      return schedule ? [{ workflowId: id, schedule, capsules }] : [];
    });
  }

  /** When the run of a scheduled time begins. */
  placeOf(workflowId: string, scheduledFor: number): number {
    return this.placesOf(startOfDay(scheduledFor)).get(placeKey(workflowId, scheduledFor)) ?? scheduledFor;
  }

  /** The next slot of each schedule that begins at `now` or later. */
  next(now: number): Slot[] {
    return this.scheduled.flatMap((workflow) => {
      const known = this.upcoming.get(workflow.id);
      if (known && known.startsAt >= now) return [known];
      const slot = this.find(workflow, now);
      if (slot) this.upcoming.set(workflow.id, slot);
      return slot ? [slot] : [];
    });
  }

  private find(workflow: Workflow, now: number): Slot | undefined {
    const { schedule, id } = workflow;
    if (!schedule) return undefined;
    // One that is past its tick may have its beginning still to come; no window holds two of them.
    const past = ticksBetween(schedule, now - schedule.slackSeconds * 1_000 - 1, now, 100);
    const tick = [...past, ...nextTicks(schedule, now, 1)].find((t) => this.placeOf(id, t) >= now);
    return tick === undefined
      ? undefined
      : { workflow, scheduledFor: tick, startsAt: this.placeOf(id, tick) };
  }

  private placesOf(day: number): Map<string, number> {
    const known = this.days.get(day);
    if (known) return known;
    const placed = placements(this.placeable, day);
    this.days.set(day, placed);
    const [oldest] = this.days.keys();
    if (this.days.size > 3 && oldest !== undefined) this.days.delete(oldest);
    return placed;
  }
}
