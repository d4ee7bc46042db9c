/** Follows a rollout as the orchestrator tells of it, until it is over or waits for a person. */
import { setTimeout as pause } from 'node:timers/promises';
import { RolloutView } from '../../http/views/release';
import { ApiProblem, type ApiClient, type ApiOptions } from '../client';
import { CliError, EXIT } from '../exit';
import { print, printable, printJson } from '../output';
import { headOf, reportLines, verdictLine, type Rollout } from './commands';

/** The orchestrator says something every 15 s; three times that without is a break. */
const SILENCE_MS = 45_000;
const RETRY_MS = 1_000;
/** Breaks in a row that find the orchestrator gone, e.g. while it is deployed. */
const MAX_BREAKS = 60;
/** Longer than any state of a rollout. */
const MAX_FRAME_CHARS = 4_000_000;

export const pathOf = (id: string, rest = ''): string => `/rollouts/${encodeURIComponent(id)}${rest}`;

/** @throws CliError when it was taken back, or waits for a person */
export async function follow(api: ApiClient, id: string, { json }: ApiOptions): Promise<void> {
  const told = new Told(json);
  for (let breaks = 0; ; breaks += 1) {
    try {
      for await (const rollout of states(api, id)) {
        breaks = 0;
        told.show(rollout);
        if (isAtItsEnd(rollout)) return;
      }
    } catch (error) {
      const isFinal = error instanceof CliError && error.exitCode !== EXIT.platform;
      const isRefusal = error instanceof ApiProblem && error.problem.status < 500;
      if (isFinal || isRefusal || breaks >= MAX_BREAKS) throw error;
    }
    await pause(RETRY_MS);
  }
}

/** @returns whether it is done. @throws CliError when it ended otherwise, or goes on only with somebody's word */
function isAtItsEnd({ id, status, approvals }: Rollout): boolean {
  if (status === 'rolled-back')
    throw new CliError('The release was taken back.', { exitCode: EXIT.runFailed });
  if (status === 'paused')
    throw new CliError('It waits for a person.', {
      lines: [`reveille release accept ${id} --reason ..., or: reveille release abort ${id}`],
      exitCode: EXIT.held,
    });
  if (approvals)
    throw new CliError(`It waits for approvals: ${approvals.given.length} of ${approvals.wanted} so far.`, {
      lines: [`reveille release approve ${id}, or: reveille release abort ${id}`],
      exitCode: EXIT.held,
    });
  return status === 'done';
}

/** Each state that is told; ends when the stream does. */
async function* states(api: ApiClient, id: string): AsyncGenerator<Rollout> {
  const reader = (await api.stream(pathOf(id, '/events'), {}))
    .pipeThrough(new TextDecoderStream())
    .getReader();
  let text = '';
  try {
    for (;;) {
      const { done, value } = await inTime(reader.read());
      if (done) return;
      text += value;
      if (text.length > MAX_FRAME_CHARS) throw new Error('an event is too long');
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const data = /^event: rollout\ndata: (.*)$/s.exec(frame)?.[1];
        if (data !== undefined) yield RolloutView.parse(JSON.parse(data));
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined); // it is broken or over already
  }
}

async function inTime<T>(reading: Promise<T>): Promise<T> {
  const enough = new AbortController();
  const silence = pause(SILENCE_MS, undefined, { signal: enough.signal }).then(() => {
    throw new Error('the orchestrator says nothing any more');
  });
  silence.catch(() => undefined); // ended by the answer
  return Promise.race([reading, silence]).finally(() => enough.abort());
}

/** Says what is new in each state. */
class Told {
  private head = '';
  private verdicts = 0;
  private report = '';

  constructor(private readonly json: boolean) {}

  show(rollout: Rollout): void {
    if (this.json) return printJson(rollout);
    const head = headOf(rollout);
    for (const verdict of rollout.verdicts.slice(this.verdicts)) print(verdictLine(verdict));
    this.verdicts = rollout.verdicts.length;
    if (head !== this.head) print(head);
    this.head = head;
    const report = rollout.report ? reportLines(rollout.report) : [];
    if (report.length > 0 && report.join() !== this.report) report.forEach((line) => print(line));
    this.report = report.join();
    if (rollout.memo !== null) print(printable(rollout.memo));
    if (rollout.abortedFor !== null && rollout.status === 'rolled-back')
      print(printable(`Aborted: ${rollout.abortedFor}`));
  }
}
