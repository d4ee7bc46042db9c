/** What the demo tells of a run, whatever is committed together. */
import { Timeline } from '../../src/cli/demo/timeline';
import { paintFor } from '../../src/cli/terminal';
import type { StepState } from '../../src/domain/run';
import { freshRun, pending } from '../domain/run-world';

const step = (id: string, status: StepState['status']): StepState => ({ ...pending(id), status, attempt: 1 });

function told(...of: StepState['status'][]): string[] {
  const lines: string[] = [];
  const timeline = new Timeline((line) => lines.push(line), paintFor({ isTTY: false }, {}));
  for (const status of of) timeline.run(freshRun({ steps: [step('first', status), pending('second')] }));
  return lines.map((line) => line.trim().split(/\s+/)[3] ?? '');
}

it('tells each change of a step once', () => {
  expect(told('waiting', 'dispatching', 'dispatching', 'running', 'succeeded')).toEqual([
    ...['queued', 'leased', 'running', 'result'],
  ]);
});

it('tells that the agent had the job, also when its result came with the word that it has', () => {
  expect(told('waiting', 'dispatching', 'succeeded')).toEqual(['queued', 'leased', 'running', 'result']);
});

it('does not tell so of a job that never arrived', () => {
  expect(told('waiting', 'dispatching', 'failed')).toEqual(['queued', 'leased', 'failed']);
});
