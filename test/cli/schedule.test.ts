/** `reveille schedule preview`: a process of its own, without an orchestrator, in a zone of the viewer's. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { Schedule } from '../../src/domain/schedule';
import { registry } from '../../src/registry';

const ROOT = join(__dirname, '../..');
const CLI = join(ROOT, 'dist/cli/index.js');

function preview(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, TZ: 'Asia/Tokyo', NO_COLOR: '1' };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [CLI, 'schedule', 'preview', ...args],
      { env, timeout: 30_000 },
      (error, out, err) => resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

it('tells everything about a schedule', async () => {
  const { code, out, err } = await preview(
    ...['30 2 * * *', '--tz', 'Europe/Berlin', '--duration', '90', '--price', '0.05', '--slack', '60'],
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^At 02:30 \(Europe\/Berlin\)\n\nNext 5 times\n {2}Europe\/Berlin +UTC +Asia\/Tokyo\n/);
  expect(out.match(/^ {2}\d{4}-\d\d-\d\d 0[23]:\d0 {2,}\d{4}-\d\d-\d\d 0[01]:\d0 {2,}/gm)).toHaveLength(5);
  expect(out).toMatch(
    / 02:30 does not exist in Europe\/Berlin: runs once at \d{4}-\d\d-\d\d 03:00 instead\n/,
  );
  expect(out).toMatch(/ 02:30 comes twice in Europe\/Berlin: runs the first time only\n/);
  expect(out).toContain(
    'the latest is made up for, within 7 days; a run may start up to 60 s late to share a wake',
  );
  expect(out).toContain('Overlaps       none expected (skip)\n');
  expect(out).toMatch(
    /capsule: 30\.\d runs × \(10 boot \+ 90 work \+ 30 linger\) s ÷ 3600 × \$0\.05 an hour = \$0\.05/,
  );
});

it('tells the overlaps by the policy', async () => {
  const { out } = await preview('*/15 * * * *', '--overlap', 'skip', '--duration', '1200', '--price', '1');
  expect(out).toMatch(
    /Overlaps +\d+ of the next 9000 ticks find an earlier run under way: \d+ are skipped \(skip\)/,
  );
  expect(out).toContain('the capsule never sleeps between two runs');
});

it('takes the whole policy as one line, and single options before it', async () => {
  const line = 'overlap=queue,catchUp=last,window=2d,slack=5m';
  const { out } = await preview('*/15 * * * *', '--policy', line, '--duration', '1200', '--price', '1');
  expect(out).toMatch(/^Missed ticks +the latest is made up for, within 2 days; .* up to 300 s late/m);
  expect(out).toMatch(/^Overlaps .* \(queue\)$/m);
  expect(out).toMatch(/^Forecast +\d+(\.\d)? runs a month, \$\d+\.\d\d$/m);

  const both = await preview('@daily', '--policy', line, '--overlap', 'allow', '--slack', '90s', '--json');
  expect(JSON.parse(both.out)).toMatchObject({
    schedule: {
      ...{ overlap: 'allow', slackSeconds: 90 },
      catchUp: { mode: 'latest', windowSeconds: 172_800 },
    },
  });
});

it('takes the policy of a workflow of the registry', async () => {
  const scheduled = registry({}).workflows.find(({ schedule }) => schedule !== undefined);
  const { out } = await preview('@daily', '--policy', scheduled?.id ?? '', '--json');
  const { overlap, catchUp, slackSeconds } = Schedule.parse(scheduled?.schedule);
  expect(JSON.parse(out)).toMatchObject({ schedule: { cron: '@daily', overlap, catchUp, slackSeconds } });

  const { code, err } = await preview('@daily', '--policy', `${scheduled?.id}s`);
  expect(code).toBe(2);
  expect(err).toContain(`Did you mean "${scheduled?.id}"?`);
});

it('gives the same as JSON', async () => {
  const { out } = await preview('@daily', '--tz', 'Africa/Cairo', '--catch-up', 'none', '--json');
  const json = JSON.parse(out) as Record<string, unknown> & { next: Array<{ at: string; local: string }> };
  expect(json).toMatchObject({
    schedule: { cron: '@daily', timezone: 'Africa/Cairo', catchUp: { mode: 'none' } },
    words: 'At 00:00 (Africa/Cairo)',
    overlaps: null,
    cost: null,
  });
  expect(json.next).toHaveLength(5);
  // Cairo leaves midnight out on the night its summer time begins.
  expect(json['clockChanges']).toContainEqual(expect.objectContaining({ kind: 'gap', by: 3_600_000 }));
});

it('says where a schedule is wrong and how to mend it', async () => {
  expect(await preview('0 9 * * 8', '--tz', 'Europe/Berln')).toEqual({
    code: 2,
    out: '',
    err: expect.stringMatching(
      /^This schedule cannot be used\.\n {2}cron: the day of week field "8" cannot be read .*\n {2}timezone: .*Did you mean "Europe\/Berlin"\?/,
    ) as string,
  });
  for (const wrong of [
    ['--price', 'much'],
    ['--slack', '99999'],
    ['--overlap', 'maybe'],
    ['--policy', 'overlap=maybe'],
    ['--policy', 'slack=2h'],
  ]) {
    const { code, err } = await preview('@daily', ...wrong);
    expect({ code, wrong: err.includes(wrong[0] ?? '') }).toEqual({ code: 2, wrong: true });
  }
});
