/** What the watchdog says to people, and how it names a scheduled time. */
import { localText, type MissingTick, type Schedule } from '../domain/schedule';

/** A scheduled time of a workflow, as an alert's subject: `weekly@2026-03-02T09:00:00.000Z`. */
export const subjectOf = (workflowId: string, { scheduledFor }: { scheduledFor: number }): string =>
  `${workflowId}@${new Date(scheduledFor).toISOString()}`;

/** The opposite of {@link subjectOf}. A workflow's id has no `@`. */
export function tickOf(subject: string): { workflowId: string; scheduledFor: number } {
  const at = subject.lastIndexOf('@');
  return { workflowId: subject.slice(0, at), scheduledFor: Date.parse(subject.slice(at + 1)) };
}

/**
 * @param count how many times are missing or late in all
 * @param late set: they are decided by now
 */
export function missingText(
  id: string,
  { timezone }: Pick<Schedule, 'timezone'>,
  { scheduledFor, lateMs, passedOver }: MissingTick,
  count: number,
  late?: readonly unknown[],
): string {
  const time = `${localText(timezone, scheduledFor)} (${timezone})`;
  const seconds = Math.round(lateMs / 1_000);
  const more = count > 1 ? ` ${count - 1} more of this schedule are.` : '';
  if (late) {
    return (
      `The scheduled time ${time} of workflow "${id}" was decided ${seconds} s late.${more} ` +
      'See in the log whether an orchestrator was running then and reached its store.'
    );
  }
  const mend = passedOver
    ? `A later one is decided, so nobody will: start the run yourself with POST /workflows/${id}/runs if it is wanted.`
    : 'An orchestrator decides it as soon as one with ROLE all or worker runs and reaches the store; see its log.';
  return `The scheduled time ${time} of workflow "${id}" is not decided ${seconds} s after it.${more} ${mend}`;
}

/** @param lateMs negative: the clock was set back */
export function lateText(lateMs: number): string {
  const seconds = Math.round(Math.abs(lateMs) / 1_000);
  return lateMs < 0
    ? `The clock of an orchestrator was set back by ${seconds} s. Let a time service slew it instead; nothing fires twice.`
    : `An orchestrator was held up for ${seconds} s, or its clock was set forward. Give it more CPU, look for a paused ` +
        'host or a blocked event loop (reveille_ metrics of the event loop), and check its time service.';
}
