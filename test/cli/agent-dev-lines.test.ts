/** What `reveille agent dev` prints of an agent's log. */
import { logLines, saysNotReady } from '../../src/cli/agent/dev/log-line';
import { paintFor } from '../../src/cli/terminal';

const paint = paintFor({ isTTY: false }, {});
const shown = (entry: object): string[] => logLines(JSON.stringify(entry), paint);

it('puts a JSON line in words, and cuts its long values', () => {
  expect(shown({ time: 'now', message: 'started', runId: 'r', text: 'x'.repeat(300) })).toEqual([
    `info  started runId=r text=${'x'.repeat(200)}…`,
  ]);
  expect(logLines('{no JSON', paint)).toEqual(['{no JSON']);
});

it('shows a stack line by line, to the end, where Python names the place', () => {
  const frames = Array.from({ length: 50 }, (_, n) => `  frame ${n}`);
  expect(shown({ message: 'failed', runId: 'r', stack: 'Traceback:\n  in run\nKeyError\n' })).toEqual([
    'info  failed runId=r',
    ...['  Traceback:', '    in run', '  KeyError'],
  ]);
  const long = shown({ message: 'failed', stack: frames.join('\n') });
  expect([long.length, long[1], long[16], long.at(-1)]).toEqual([42, '    frame 0', '  …', '    frame 49']);
});

it.each([
  ['{"message":"not ready for work","error":"SyntaxError"}', true],
  ['{"msg":"not ready for work"}', true],
  ['{"message":"failed","error":"not ready for work"}', false],
  ['not ready for work', false],
])('%s: no job can be done: %s', (line, is) => expect(saysNotReady(line)).toBe(is));
