import { layoutOf } from '../../dashboard/src/screens/run/layout';
import { timelineOf } from '../../dashboard/src/screens/run/timeline';
import { frames, type Frame } from '../../dashboard/src/live/frames';
import { withFirstPage } from '../../dashboard/src/screens/runs/merge';
import type { RunSummary, RunView, Shift, StepView } from '../../dashboard/src/api/types';

const at = (ms: number): string => new Date(1_000_000 + ms).toISOString();

const SHIFT: Shift = {
  ...{ capsuleId: 'c', agentId: 'a', generation: 1, endReason: null, split: null, billedMs: null },
  ...{ requestedAt: at(20), acceptedAt: at(40), firstTcpAt: at(90), healthyAt: at(100) },
  ...{ firstWorkAt: at(100), lastWorkAt: at(300), scaleDownAt: at(400), zeroAt: at(450) },
};

const attempt = (n: number, times: Partial<StepView['attempts'][number]>): StepView['attempts'][number] => ({
  ...{ attempt: n, outcome: 'success', message: null, agentMs: null, shift: SHIFT, failover: null },
  ...{ requestedAt: at(10), grantedAt: at(100), acceptedAt: at(110), endedAt: at(300) },
  ...times,
});

const step = (id: string, more: Partial<StepView> = {}): StepView => ({
  ...{ id, status: 'succeeded', kind: 'agent', agentId: 'a', attempt: 1, maxAttempts: 3, phase: 'main' },
  ...{ needs: [], shift: SHIFT, reason: null, children: null, deadline: null, error: null, output: null },
  ...{ requestedAt: at(10), grantedAt: at(100), acceptedAt: at(110), finishedAt: at(300), usage: [] },
  ...{ waitMs: null, bootMs: null, workMs: null, agentMs: null, reusedFrom: null, cost: null, attempts: [] },
  ...more,
});

const run = (steps: StepView[], more: Partial<RunView> = {}): RunView => ({
  ...{
    id: 'r',
    workflowId: 'w',
    status: 'succeeded',
    trigger: { kind: 'api' },
    definition: 'd',
    priority: 0,
  },
  ...{ createdAt: at(0), startedAt: at(10), finishedAt: at(300), error: null, why: null, deadline: null },
  ...{ input: {}, cost: null, links: { self: '', workflow: '', cancel: null, rerun: null } },
  steps,
  ...more,
});

const told = (lane: { segments: Array<{ kind: string; from: number; to: number }> } | undefined) =>
  lane?.segments.map(({ kind, from, to }) => [kind, from - 1_000_000, to - 1_000_000]);

describe('the time axis of a run', () => {
  it('tells wake, boot, probe, sending, work and the way of the result apart, and the end of the shift', () => {
    const { lanes, from, to } = timelineOf(
      run([step('one', { attempts: [attempt(1, { agentMs: 150 })] })]),
      0,
    );
    expect(told(lanes[0])).toEqual([['queued', 0, 10]]);
    expect(told(lanes[1])).toEqual([
      ['held', 10, 20],
      ['wake', 20, 40],
      ['boot', 40, 90],
      ['probe', 90, 100],
      ['send', 100, 110],
      ['work', 110, 260],
      ['settle', 260, 300],
      ['linger', 300, 400],
      ['sleep', 400, 450],
    ]);
    expect([from, to]).toEqual([1_000_000, 1_000_450]);
  });

  it('shows the pause between attempts, and draws a shift that two steps used once', () => {
    const again = attempt(2, {
      requestedAt: at(320),
      grantedAt: at(321),
      acceptedAt: at(322),
      endedAt: at(390),
    });
    const first = step('one', { attempt: 2, attempts: [attempt(1, { outcome: 'agent-error' }), again] });
    const { lanes } = timelineOf(run([first, step('two', { attempts: [again] })]), 0);
    expect(told(lanes[1])).toContainEqual(['backoff', 300, 320]);
    const ends = lanes.flatMap(({ segments }) => segments.filter(({ kind }) => kind === 'sleep'));
    expect(ends).toHaveLength(1);
    expect(lanes[2]?.segments.at(-1)?.kind).toBe('sleep');
  });

  it('goes on to the present for what is not over', () => {
    const open = { status: 'running' as const, finishedAt: null };
    const { lanes, to } = timelineOf(run([step('one', { ...open, shift: null })], open), 1_000_500);
    expect(lanes[1]?.segments.at(-1)).toEqual({ kind: 'work', from: 1_000_110, to: 1_000_500, open: true });
    expect(to).toBe(1_000_500);
  });
});

test('a graph has a column for each depth, and its last steps behind all others', () => {
  const steps = [
    step('join', { needs: ['left', 'right'] }),
    step('left'),
    step('right', { needs: ['left'] }),
    step('tidy', { phase: 'finally' }),
  ];
  const { nodes, edges, columns } = layoutOf(steps);
  expect(Object.fromEntries(nodes.map((n) => [n.step.id, n.column]))).toEqual({
    left: 0,
    right: 1,
    join: 2,
    tidy: 3,
  });
  expect(edges).toHaveLength(3);
  expect(columns).toBe(4);
});

test('events are read whole, however their bytes are cut', async () => {
  const text = ': heartbeat\n\nid: e-1\nevent: run\ndata: {"a":"ü"}\n\nid: e-2\nevent: reset\ndata: {}\n\n';
  const bytes = new TextEncoder().encode(text);
  const read = async (size: number): Promise<Frame[]> => {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.slice(i * size, (i + 1) * size),
    );
    const found: Frame[] = [];
    for await (const frame of frames(new Blob(pieces).stream(), () => undefined)) found.push(frame);
    return found;
  };
  for (const size of [1, 7, 1_000]) {
    expect(await read(size)).toEqual([
      { id: 'e-1', event: 'run', data: '{"a":"ü"}' },
      { id: 'e-2', event: 'reset', data: '{}' },
    ]);
  }
});

test('a fresh first page replaces what it spans, and keeps what was scrolled to', () => {
  const of = (...times: number[]) =>
    times.map((ms) => ({ id: `run-${ms}`, createdAt: at(ms) }) as RunSummary);
  expect(withFirstPage(of(5, 4, 3, 2, 1), of(6, 5, 3))).toEqual(of(6, 5, 3, 2, 1));
  expect(withFirstPage(of(2, 1), of())).toEqual([]);
});
