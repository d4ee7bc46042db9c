/** What `reveille agent dev` prints of an agent's log. */
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';
import { logLines, saysNotReady } from '../../src/cli/agent/dev/log-line';
import { paintFor } from '../../src/cli/terminal';
import { temporaryFolder } from '../support/folders';

const paint = paintFor({ isTTY: false }, {});
const shown = (entry: object): string[] => logLines(JSON.stringify(entry), '/agent', paint);

it('puts a JSON line in words, and cuts its long values', () => {
  expect(shown({ time: 'now', message: 'started', runId: 'r', text: 'x'.repeat(300) })).toEqual([
    `info  started runId=r text=${'x'.repeat(200)}…`,
  ]);
  expect(logLines('{no JSON', '/agent', paint)).toEqual(['{no JSON']);
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

it('names the place in the sources where the bundle has a map, in the agent alone', async () => {
  const folder = await temporaryFolder();
  try {
    const at = (name: string) => join(folder.path, name);
    await writeFile(
      at('job.ts'),
      'interface Gone {\n  a: 1;\n}\nexport const gone = {} as Gone;\nthrow new Error("no");',
    );
    await build({
      entryPoints: [at('job.ts')],
      outfile: at('dist/job.js'),
      sourcemap: 'external',
      format: 'cjs',
    });
    const { stderr } = spawnSync(process.execPath, [at('dist/job.js')], { encoding: 'utf8' });
    const stack = stderr.slice(stderr.indexOf('Error: no'));
    expect(stack).toContain(`(${at('dist/job.js')}:`);
    const told = (from: string) =>
      logLines(JSON.stringify({ message: 'failed', stack }), from, paint).join('\n');
    expect(told(folder.path)).toContain(`(${at('job.ts')}:5:7)`);
    expect(told(folder.path)).toMatch(/node:internal/);
    expect(told(at('elsewhere'))).toContain(`(${at('dist/job.js')}:`);
    const [line] = logLines(
      `    at file://${at('dist/job.js')}:${/job.js:(\d+:\d+)/.exec(stack)?.[1]}`,
      folder.path,
      paint,
    );
    expect(line).toBe(`    at ${at('job.ts')}:5:7`);
  } finally {
    await folder.remove();
  }
});

it.each([
  ['{"message":"not ready for work","error":"SyntaxError"}', true],
  ['{"msg":"not ready for work"}', true],
  ['{"message":"failed","error":"not ready for work"}', false],
  ['not ready for work', false],
])('%s: no job can be done: %s', (line, is) => expect(saysNotReady(line)).toBe(is));
