/** What happens, one line an event, of however many runs at once. */
import type { CapsuleState } from '../../domain/capsule';
import { isTerminal, type RunState } from '../../domain/run';
import { describeCapsule, describeStep } from '../demo/timeline';
import { printable } from '../output';
import { SHORT_ID } from '../runs/text';
import type { Paint } from '../terminal';

export class EventLines {
  /** What was last said of the steps of a run and of itself, while it is under way. */
  private readonly runs = new Map<string, Map<string, string>>();
  private readonly capsules = new Map<string, string>();

  constructor(
    private readonly print: (line: string) => void,
    private readonly paint: Paint,
  ) {}

  run(run: RunState): void {
    const { id, workflowId, status, error } = run;
    const said = this.runs.get(id) ?? new Map<string, string>();
    if (isTerminal(status)) this.runs.delete(id);
    else this.runs.set(id, said);
    const isNews = (what: string, state: string): boolean => {
      if (said.get(what) === state) return false;
      said.set(what, state);
      return true;
    };
    const subject = `${id.slice(0, SHORT_ID)} ${workflowId}`;
    for (const step of run.steps) {
      const [word, detail] = describeStep(step);
      if (isNews(`step ${step.id}`, `${step.status}/${step.attempt}`) && word !== '')
        this.line(`${subject}  ${step.id}`, word, detail);
    }
    if (isNews('run', status) && status !== 'running') this.line(subject, status, error?.message ?? '');
  }

  capsule(capsule: CapsuleState): void {
    const { id, agentId, status, generation } = capsule;
    const state = `${status}/${generation}`;
    const known = this.capsules.get(id);
    this.capsules.set(id, state);
    // The first word of one that sleeps is no event.
    if (known === state || (known === undefined && status === 'asleep')) return;
    const [word, detail] = describeCapsule(capsule);
    this.line(agentId, word, detail);
  }

  /** `12:00:01  subject  word  detail`, the time in UTC as everywhere on the command line. */
  private line(subject: string, word: string, detail: string): void {
    const { dim, status } = this.paint;
    const time = new Date().toISOString().slice(11, 19);
    this.print(
      `${dim(time)}  ${printable(subject)}  ${status(word)(word)}  ${dim(printable(detail))}`.trimEnd(),
    );
  }
}
