/** What commands print, to the letter, in a pipe; and the same on a terminal, with colours and cut to its width. */
import { releaseId, sha256, type ReleaseManifest } from '../../src/domain/release/manifest';
import { ended, stepIs } from '../e2e/support/runs';
import { steady } from './support/cli';
import { KEY, useInstallation } from './support/installation';

const { cli, onTerminal, orchestrator } = useInstallation(
  {
    agents: [
      {
        id: 'alpha',
        pricePerReplicaHourUsd: 0.05,
        budget: { perDayUsd: 5 },
        breaker: {},
        oversight: { mode: 'by-rule' },
      },
    ],
    workflows: [
      { id: 'one', name: 'One step', steps: [{ id: 'do', agent: 'alpha' }] },
      { id: 'wait', name: 'Waits', steps: [{ id: 'word', approval: { title: 'Well?' } }] },
    ],
  },
  { INBOX: 'on' },
);

beforeAll(async () => {
  await ended(orchestrator(), await started('one'));
  await stepIs(orchestrator(), await started('wait'), 'word', 'parked');
});

async function started(workflow: string): Promise<string> {
  const made = await orchestrator().engine.trigger(workflow, {}, { actor: 'test' });
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.runId;
}

/** What differs from one run of the tests to the next, made the same; gaps of columns become two blanks. */
const plain = (text: string): string =>
  steady(text)
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, '<time>')
    .replace(/\d{4}-\d\d-\d\d/g, '<day>')
    .replace(/\b[0-9a-f]{64}\b/g, '<hash>')
    .replace(/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '<memo>')
    .replace(/\b[0-9a-f]{8}\b/g, '<id>')
    .replace(/\b\d\.00\d{4}\b/g, '<usd>')
    .replace(/ {2,}/g, '  ')
    .trimEnd();

const WORD = `step word waits for a person's decision ("Well?") until <time>; reveille approve <memo> releases it`;

/** Calls and what they print. */
const GOLDEN: Array<[call: string, lines: string[]]> = [
  [
    'runs',
    [
      'created (UTC)  id  workflow  status  trigger  what',
      '<time>  <id>  wait  running  api  word needs approval',
      '<time>  <id>  one  succeeded  api  1 of 1 step done',
    ],
  ],
  [
    'runs show last',
    [
      'run <run>  running',
      'workflow  wait',
      'time  created <time>, started <time>',
      `why  ${WORD}`,
      '',
      'step  status  attempt  work  what',
      'word  parked  1 of 1  approval',
    ],
  ],
  ['why last', [WORD]],
  [
    'switches',
    ['workflow one is switched off by key:<id> ("not now"); reveille resume --switch <run> releases it'],
  ],
  ['breakers', ['alpha: closed']],
  [
    'budgets',
    [
      'agent:alpha:day (<day>): <usd> of 5.00 USD spent (0 %), 4.9999XX left',
      'Days and months begin at midnight in UTC.',
    ],
  ],
  [
    'approvals',
    [
      'id  what  risk  cost  votes  until',
      '<id>  Well?  -  -  0/1  <time>',
      '',
      '"reveille approve <id>" or "reveille reject <id>" decides.',
    ],
  ],
  [
    'oversight alpha',
    ['alpha is supervised (mode by-rule).', '0 of 50 supervised actions went well.', 'Incidents: 0'],
  ],
  ['protocol', ['There was none yet. Begin one: reveille protocol start policies/seven-day.json']],
  ['keys list', ['No key was made yet. Those of API_KEYS are not listed.']],
  ['release list', ['There is no release. Make one: reveille release create <agent> --folder <path>']],
  [
    'audit search --action switch.set',
    [
      'entry  time (UTC)  who  what  which  change, and why',
      'N  <time>  key:<id>  switch.set  <run>  not now; status: closing → on',
    ],
  ],
];

/** Figures that only time decides. */
const withoutFigures = (text: string): string =>
  text.replace(/4\.9999\d\d/g, '4.9999XX').replace(/^\d+(?= {2}<time>)/gm, 'N');

beforeAll(async () => {
  expect((await cli(['pause', 'one', '--message', 'not now'])).code).toBe(0);
});

it.each(GOLDEN)('reveille %s prints what it always did', async (call, lines) => {
  const { code, text } = await cli(call.split(' '));
  expect([code, withoutFigures(plain(text)).split('\n')]).toEqual([0, lines]);
});

// eslint-disable-next-line no-control-regex -- colours begin with one
const COLOUR = /\u001b\[[0-9;]*m/g;

/** Tables, which have colours and give way to a narrow terminal. */
const TABLES = ['runs', 'runs show last', 'approvals', 'agents', 'audit search --action switch.set'];
/** Sentences, which are the same everywhere. */
const SENTENCES = ['switches', 'breakers', 'protocol', 'release list'];

it.each(TABLES)('reveille %s says the same on a terminal', async (call) => {
  const [piped, terminal] = [await cli(call.split(' ')), await onTerminal(call.split(' '))];
  expect((await terminal.exited).code).toBe(0);
  expect(terminal.output()).toContain('\u001b[');
  expect(piped.text).not.toContain('\u001b[');
  const shown = terminal.output().replaceAll(COLOUR, '').replaceAll('\r', '');
  const [lines, expected] = [shown, piped.text].map((text) => text.trimEnd().split('\n'));
  expect(lines).toHaveLength(expected?.length ?? 0);
  for (const [i, line] of (lines ?? []).entries()) {
    const [start = ''] = line.split('…');
    const whole = plain(expected?.[i] ?? '');
    // A cell that was cut leaves what is before it.
    if (line.includes('…')) expect(whole.startsWith(plain(start).slice(0, 20))).toBe(true);
    else expect(plain(line)).toBe(whole);
  }
});

it.each(SENTENCES)('reveille %s prints the very same on a terminal', async (call) => {
  const [piped, terminal] = [await cli(call.split(' ')), await onTerminal(call.split(' '))];
  expect((await terminal.exited).code).toBe(0);
  expect(terminal.output().replaceAll('\r', '')).toBe(piped.text);
});

it('says of a kill what it turned off, and of the doctor how much is in order', async () => {
  const killed = await cli(['kill', '--agent', 'alpha', '--message', 'a drill', '--yes']);
  expect([killed.code, plain(killed.text)]).toEqual([
    0,
    'In force since <time>: agent alpha is switched off by key:<id> ("a drill"); reveille resume --switch <run> releases it.',
  ]);
  expect((await cli(['resume', '--agent', 'alpha'])).code).toBe(0);
  const { text } = await cli(['doctor']);
  expect(text).toMatch(/^ok {7}node {11}v\d+/);
  expect(text).toMatch(/^warn {5}switches {7}workflow one is switched off/m);
  expect(text.trimEnd().split('\n').at(-1)).toMatch(/^\d+ in order, \d+ to look at, \d+ to mend/);
});

it('approves and rejects what waits, and says what came of it', async () => {
  const { text } = await cli(['approvals', '--json']);
  const { id } = JSON.parse(text.split('\n')[0] ?? '') as { id: string };
  const said = await cli(['approve', id.slice(0, 8), '--comment', 'fine']);
  expect([said.code, plain(said.text)]).toEqual([0, expect.stringMatching(/approved/)]);
  expect((await cli(['approvals'])).text).toBe('Nothing waits for a person.\n');
  expect((await cli(['reject', id.slice(0, 8), '--comment', 'too late'])).code).not.toBe(0);
});

/** What a call prints; figures that only time decides are left out. */
async function says(call: string, lines: string[], code = 0): Promise<void> {
  const said = await cli(call.split(' '));
  const text = plain(said.text)
    .replace(/localhost:\d+/, 'localhost:<port>')
    .replace(/(\d\.\d{6}|<usd>)(?= (of|left))/g, '<usd>');
  expect([call, said.code, text.split('\n')]).toEqual([call, code, lines]);
}

const manifest = (prompt: string): ReleaseManifest => ({
  ...{ manifestVersion: 1, agentId: 'alpha', code: { tree: sha256(prompt).slice(0, 40) } },
  ...{ models: [], prompts: [{ path: 'prompts/system.md', sha256: sha256(Buffer.from(prompt)) }] },
  ...{ tools: [], permissions: [], contractVersion: 1, config: { tone: prompt } },
});

async function record(prompt: string, parent?: string): Promise<string> {
  const parts = [Buffer.from(prompt).toString('base64')];
  const response = await fetch(`${orchestrator().url}/releases`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
    body: JSON.stringify({ manifest: manifest(prompt), parts, ...(parent !== undefined && { parent }) }),
  });
  expect(response.status).toBe(200);
  return releaseId(manifest(prompt));
}

it('says what came of breakers, budgets and switches that were changed', async () => {
  await says('whoami', ['http://localhost:<port>: key:<id>, admin']);
  await says('resume one', ['Released: workflow one.']);
  await says('switches', ['Nothing is switched off.']);
  await says('breakers reset alpha', ['Closed: the work of agent alpha goes on.']);
  const budget = (sum: string) =>
    `agent:alpha:day (<day>): <usd> of ${sum} USD spent (0 %), raised by 1.50, <usd> left`;
  await says('budgets raise agent:alpha:day 1.5', [budget('6.50')]);
  await says('budgets set agent:alpha:day 8', [budget('9.50')]);
  await says('oversight alpha --set autonomous --reason trusted', [
    'alpha is autonomous since <time> (mode by-rule).',
    'Why: trusted.',
    'Incidents: 0',
  ]);
});

it('tells of releases as they are made, moved, compared and gone back from', async () => {
  const first = await record('Be brief.');
  const second = await record('Be kind.', first);
  const [a, b] = [first.slice(0, 12), second.slice(0, 12)];
  const listed = (id: string, where = '') => `${id}  alpha  <time>  key:<id>${where}`;
  const code = (prompt: string) => sha256(prompt).slice(0, 12);
  await says('release list', [listed(b), listed(a)]);
  await says(`release diff ${b}`, [
    `Different from ${a}:`,
    `  code changed: ${code('Be brief.')} -> ${code('Be kind.')}`,
    `  prompt prompts/system.md changed: ${code('Be brief.')} -> ${code('Be kind.')}`,
    '  config tone changed: "Be brief." -> "Be kind."',
  ]);
  await says('release policy alpha', ['alpha has no environment test yet: no rule is set.']);
  await says('release policy alpha --approvals 0 --keep-warm 0', [
    'alpha/test',
    ...['  from:  anywhere', '  approvals:  none', '  demands:  what is always asked for'],
    ...['  allow:  nobody in particular', '  sticky by:  the run', '  keep warm:  not at all'],
    '  tolerance:  the default',
    '  permits:  what the registry does, or else a person',
  ]);
  await says(`release forecast ${b} --strategy canary`, [
    `alpha/test, release ${b}: the strategy replays nothing. Add a stage: - replay: 20`,
  ]);
  const promoted = await cli(['release', 'promote', a, '--watch']);
  const done = ['  switch: pass: the pointer was moved', `alpha/test: direct of ${a}, done (switch)`];
  expect([promoted.code, promoted.text.trimEnd().split('\n').slice(-2)]).toEqual([0, done]);
  const { id } = JSON.parse((await cli(['release', 'promote', b, '--json'])).text) as { id: string };
  expect((await cli(['release', 'watch', id])).text).toContain(`direct of ${b} after ${a}, done (switch)\n`);
  const refused = (why: string) => [
    'The pointers cannot be moved like this (HTTP 409, rollout-refused).',
    ...[`  ${why}`, '  Do what `detail` says; GET /environments tells where the pointers stand.'],
    '  request <run>',
  ];
  await says(`release abort ${id}`, refused('It is done: POST /agents/alpha/rollback goes back.'), 1);
  await says(`release approve ${id}`, refused('It waits for nobody’s approval.'), 1);
  await says(`release retry ${id}`, refused('It is done, and over; only one that is paused takes that.'), 1);
  await says('release rollback alpha --reason worse', [`alpha/test: release ${a} works now.`]);
  await says('release list alpha', [listed(b), listed(a, '  stable in test')]);
  await says(`lineage ${b}`, ['Nothing was done by a release that is on record.']);
  const run = await started('one');
  await ended(orchestrator(), run);
  const { text } = await cli(['lineage', run]);
  expect(plain(text)).toMatch(
    new RegExp(`^<time>  run <run> do#1: alpha ${a}, success, input [0-9a-f]{12}\n`),
  );
  expect(plain(text)).toMatch(new RegExp(`\n${a}: code [0-9a-f]{40}\n  prompts/system.md <hash>$`));
});

const FINDINGS = [
  '  pass  incidents: 0 of at most 0.',
  '  inconclusive success of alpha: 0 tasks, and fewer than 10 say nothing.',
  '  inconclusive calibration of alpha: 0 tasks said how sure they were, and fewer than 10 say nothing.',
  '  pass  runaways: 0 of at most 0.',
  '  inconclusive first-approvals: 0 first proposals were decided, and fewer than 10 say nothing.',
  '  pass  downtime: 0 s of unplanned downtime in 0 gaps, at most 0 s.',
];

it('tells how a protocol goes, and that it was stopped', async () => {
  const going = [
    'Seven-day stability test (<run>): day 1, phase "Supervised"',
    'Agents: alpha',
    'It began at <time> and is judged at <time> (UTC).',
    'So far: inconclusive',
    ...FINDINGS,
  ];
  await says('protocol start policies/seven-day.json --agents alpha', going);
  await says('protocol show', going);
  const { id } = JSON.parse((await cli(['protocol', '--json'])).text) as { id: string };
  await says(`protocol stop ${id} --reason enough`, [
    'Seven-day stability test (<run>): stopped',
    'Agents: alpha',
    'It began at <time> and ended at <time> (UTC).',
    ...FINDINGS,
  ]);
});

it('shows how far long work is on a terminal, and in a pipe only what came of it', async () => {
  const call = ['replay', '--workflow', 'one', '--status', 'succeeded', '--limit', '1', '--yes'];
  const terminal = await onTerminal(call);
  expect((await terminal.exited).code).toBe(0);
  expect(terminal.output()).toMatch(/⠋ [█░]{20} \d of 1 run started again/);
  const piped = await cli(call);
  const [last] = piped.text.trimEnd().split('\n').slice(-1);
  expect([piped.code, last]).toEqual([0, '1 run started again, 0 skipped.']);
  expect(piped.text).not.toContain('⠋');
});
