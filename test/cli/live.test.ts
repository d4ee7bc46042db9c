/** Commands about runs, workflows, agents and capsules over a real orchestrator with a real agent: golden outputs. */
import { capsuleIs, stepIs } from '../e2e/support/runs';
import { freePort } from '../support/ports';
import { steady } from './support/cli';
import { KEY, useInstallation } from './support/installation';

const VIEWER = 'viewer-canary-0123456789abc';

const { cli, onTerminal, orchestrator } = useInstallation(
  {
    agents: [{ id: 'alpha', pricePerReplicaHourUsd: 0.05 }],
    workflows: [
      {
        id: 'one',
        name: 'One step',
        description: 'A single job.',
        steps: [{ id: 'do', agent: 'alpha' }],
        schedule: { cron: '0 9 * * 1', timezone: 'Europe/Berlin', enabled: false },
      },
      { id: 'wait', name: 'Waits', steps: [{ id: 'word', approval: { title: 'Well?' } }] },
    ],
  },
  { API_KEYS: `${KEY},${VIEWER}` },
);

const json = (text: string): unknown[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);

/** Starts a run and answers its id. */
async function started(workflow: string): Promise<string> {
  const { text } = await cli(['run', workflow, '--json']);
  return (JSON.parse(text) as { id: string }).id;
}

it('runs a workflow and prints what happens to it, the same on a terminal and again from the log', async () => {
  const watched = await cli(['run', 'one', '--watch']);
  expect(watched.code).toBe(0);
  const golden = [
    ' <t>  run  queued    run <run> of workflow one',
    ' <t>  run  running   the run begins',
    ' <t>  do   queued    for agent alpha',
    ' <t>  do   waking    replicas 0 → 1, shift 1 of capsule-alpha',
    ' <t>  do   healthy   booted in <s>',
    ' <t>  do   leased    the job is on its way',
    ' <t>  do   running   the agent has the job',
  ];
  // A busy machine is slow enough for a reason to be told in between.
  const lines = steady(watched.text)
    .split('\n')
    .filter((line) => /^ <t> /.test(line));
  for (const line of golden) expect(lines).toContain(line);
  expect(lines).toContain(' <t>  run  succeeded');

  const logged = await cli(['logs', 'last']);
  for (const line of golden) expect(steady(logged.text).split('\n')).toContain(line);
  const events = json((await cli(['logs', 'last', '--json'])).text) as Array<{
    word: string;
    step: string | null;
  }>;
  expect(events.map((e) => e.word)).toEqual(
    expect.arrayContaining(['queued', 'healthy', 'result', 'succeeded']),
  );

  const terminal = await onTerminal(['logs', '-f', 'last']);
  expect((await terminal.exited).code).toBe(0);
  expect(terminal.output()).toContain('\u001b[32msucceeded\u001b[0m');
});

it('lists workflows, agents and capsules', async () => {
  expect((await cli(['workflows'])).text).toBe(
    [
      'workflow  steps  next  schedule',
      'one       1            At 09:00, only on Monday (Europe/Berlin), off',
      'wait      1',
      '',
    ].join('\n'),
  );
  const shown = (await cli(['workflows', 'one'])).text.split('\n');
  expect(shown[0]).toBe('one  One step');
  expect(shown).toContain('do    alpha         1         300 s    main');
  const agents = (await cli(['agents'])).text.split('\n');
  expect(agents[0]).toMatch(/^agent +capsule +mode +jobs at once +linger +an hour +address$/);
  expect(agents[1]).toMatch(/^alpha +capsule-alpha +api +1 +0 s +\$0\.05 +http:/);
  const capsules = (await cli(['capsules'])).text.split('\n');
  expect(capsules[1]).toMatch(/^capsule-alpha +(asleep|draining|awake) +\d+ s +1 +\d+\.\d\d s +0 +0/);
});

it('wakes a capsule by hand and puts it to sleep, by its id or that of its agent', async () => {
  const woken = await cli(['capsules', 'wake', 'alpha', '--for', '60', '--reason', 'a look inside']);
  expect([woken.code, woken.text]).toEqual([
    0,
    expect.stringMatching(/^capsule-alpha is (waking|awake), and sleeps again at \d\d:\d\d:\d\d UTC\.\n$/),
  ]);
  await capsuleIs(orchestrator(), 'alpha', 'awake');
  expect((await cli(['capsules'])).text).toMatch(/woken by hand \(a look inside\), until /);
  const boots = (await cli(['capsules', '--boots'])).text.split('\n');
  expect(boots[0]).toMatch(/^capsule +boots +median +p95 +release$/);
  expect(boots[1]).toMatch(/^capsule-alpha +\d+ +\d+\.\d\d s +\d+\.\d\d s/);
  const terminal = await onTerminal(['capsules', 'sleep', 'capsule-alpha', '--force']);
  await terminal.waitFor(/Put capsule-alpha to sleep, whatever is at work on it\? \[y\/N\]/);
  terminal.write('y\r');
  expect((await terminal.exited).code).toBe(0);
  await capsuleIs(orchestrator(), 'alpha', 'asleep');

  await cli(['pause', '--agent', 'alpha', '--message', 'maintenance']);
  const held = await cli(['capsules', 'wake', 'alpha']);
  expect([held.code, held.text]).toEqual([7, expect.stringMatching(/capsule-held.*maintenance/s)]);
  await cli(['resume', '--agent', 'alpha']);
  expect((await cli(['capsules', 'sleep', 'beta'])).code).toBe(3);
});

it('shows what goes on, once in a pipe and until q on a terminal', async () => {
  const run = await started('wait');
  await stepIs(orchestrator(), run, 'word', 'parked');
  const once = await cli(['top']);
  expect(once.code).toBe(0);
  expect(once.text).toMatch(/^Reveille {2}\d\d:\d\d:\d\d UTC {3}1 running/);
  expect(once.text).toMatch(new RegExp(`approval +Well\\?: reveille approvals [0-9a-f]{8}`));
  expect(once.text).toMatch(new RegExp(`${run.slice(0, 8)} +wait +needs approval`));

  const live = await onTerminal(['top', '--every', '0.5']);
  await live.waitFor(/q ends/);
  live.write('q');
  expect((await live.exited).code).toBe(0);
  // It was drawn on a screen of its own, and the one from before is back.
  expect(live.output()).toContain('\u001b[?1049h');
  expect(live.output().trimEnd().endsWith('\u001b[?1049l')).toBe(true);
  await cli(['cancel', run]);
});

it('prints JSON, one document a line, wherever it is asked to', async () => {
  const commands = [
    ['runs'],
    ['workflows'],
    ['workflows', 'one'],
    ['agents'],
    ['capsules'],
    ['top'],
    ['logs', 'last'],
  ];
  const all = [...commands, ['why', 'last'], ['whoami'], ['costs']];
  const said = await Promise.all(all.map((command) => cli([...command, '--json'])));
  expect(said.map(({ code }, i) => [all[i], code])).toEqual(all.map((command) => [command, 0]));
  for (const { text } of said) expect(json(text).length).toBeGreaterThan(0);
});

describe('the exit code', () => {
  it('is 5 when the run failed', async () => {
    const failed = await cli(['run', 'one', '--watch', '--input', '{"act":{"do":"error"}}']);
    expect([failed.code, failed.text]).toEqual([5, expect.stringMatching(/run +failed +agent-error/)]);
    // Where the alert of it leads to.
    const why = await cli(['why', 'last']);
    expect([why.code, why.text]).toEqual([
      0,
      expect.stringMatching(
        /it has failed: agent-error: .*\n"reveille logs .*\n"reveille rerun \S+ --from do"/,
      ),
    ]);
  });

  it('is 6 when it takes too long, and the run goes on', async () => {
    const late = await cli(['run', 'wait', '--watch', '--timeout', '1']);
    expect([late.code, late.text]).toEqual([6, expect.stringMatching(/not over after 1 s.*logs -f/s)]);
    expect((await cli(['cancel', 'last'])).code).toBe(0);
  });

  it('is 7 while a switch holds it, and 0 once that is released', async () => {
    await cli(['pause', '--agent', 'alpha', '--message', 'maintenance']);
    const held = await cli(['run', 'one', '--watch']);
    expect([held.code, held.text]).toEqual([7, expect.stringMatching(/The run is held: .*maintenance/)]);
    const follower = await onTerminal(['logs', '-f', 'last']);
    await follower.waitFor(/queued/);
    await cli(['resume', '--agent', 'alpha']);
    expect((await follower.exited).code).toBe(0);
  });

  it('is 2 or 3 where what is asked for is not there, or cannot be', async () => {
    const wrong: [string[], number, RegExp][] = [
      [['run', 'nothing'], 3, /workflow-not-found.*"reveille workflows" helps/s],
      [['logs', 'ffffffff'], 3, /There is no run ffffffff/],
      [['logs'], 2, /Name a run/],
      [['run', 'one', '--input', '[1]'], 2, /give a JSON object/],
      [['run', 'one', '--priority', '3'], 2, /can only be 0/],
      [['completion', 'tcsh'], 2, /bash, zsh, fish/],
    ];
    const said = await Promise.all(wrong.map(([args]) => cli(args)));
    const wanted = wrong.map(([, code, text]) => ({ code, text: expect.stringMatching(text) as string }));
    expect(said).toEqual(wanted);
  });

  it('is 4 without a key that may, and 8 where nobody answers', async () => {
    const strange = await cli(['runs'], { REVEILLE_API_KEY: 'another-key-0123456789' });
    expect([strange.code, strange.text]).toEqual([4, expect.stringMatching(/REVEILLE_API_KEY/)]);
    const gone = await cli(['runs'], { REVEILLE_URL: `http://127.0.0.1:${await freePort()}` });
    expect([gone.code, gone.text]).toEqual([8, expect.stringMatching(/nothing listens there/)]);
  });
});

it('asks on a terminal before what cannot be undone', async () => {
  const asking = await onTerminal(['inbox', 'clear']);
  await asking.waitFor(/Remove all deliveries\? \[y\/N\]/);
  asking.write('n\r');
  expect((await asking.exited).code).toBe(2);
  expect(asking.output()).toContain('Nothing was done.');
});

it('follows everything, and ends with Ctrl-C', async () => {
  const all = await onTerminal(['logs', '-f']);
  // Its first look has happened once it tells of something new.
  await all.waitFor(/following/);
  const run = await started('one');
  await all.waitFor(new RegExp(`${run.slice(0, 8)} one.*succeeded`));
  all.write('\u0003');
  await all.exited;
});
