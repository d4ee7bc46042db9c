/** What commands print, to the letter, in a pipe; and the same on a terminal, with colours and cut to its width. */
import type { Orchestrator } from '../../src/compose';
import { ended, stepIs } from '../e2e/support/runs';
import { World } from '../e2e/support/world';
import { useProcesses } from '../support/processes';
import { cliOf, steady } from './support/cli';

const KEY = 'key-canary-0123456789abcdef';

/** A busy machine takes its time for a process. */
jest.setTimeout(180_000);

const processes = useProcesses();
let world: World;
let orchestrator: Orchestrator;
const { cli, onTerminal } = cliOf(processes, () => ({
  REVEILLE_URL: orchestrator.url,
  REVEILLE_API_KEY: KEY,
}));

beforeAll(async () => {
  world = await World.start({
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
  });
  orchestrator = await world.orchestrate({ env: { API_KEYS: KEY, HOST: '127.0.0.1', INBOX: 'on' } });
  await ended(orchestrator, await started('one'));
  await stepIs(orchestrator, await started('wait'), 'word', 'parked');
});
afterAll(() => world.close());

async function started(workflow: string): Promise<string> {
  const made = await orchestrator.engine.trigger(workflow, {}, { actor: 'test' });
  if (made.kind !== 'created') throw new Error(made.kind);
  return made.runId;
}

/** What differs from one run of the tests to the next, made the same; gaps of columns become two blanks. */
const plain = (text: string): string =>
  steady(text)
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, '<time>')
    .replace(/\d{4}-\d\d-\d\d/g, '<day>')
    .replace(/\b[0-9a-f]{64}\b/g, '<hash>')
    .replace(/\b[0-9a-f]{8}\b/g, '<id>')
    .replace(/\b\d\.0000\d\d\b/g, '<usd>')
    .replace(/ {2,}/g, '  ')
    .trimEnd();

const WORD = `step word waits for a person's decision ("Well?") until <time>; POST /runs/<run>/steps/word/decision releases it`;

/** Calls and what they print. */
const GOLDEN: Array<[call: string, lines: string[]]> = [
  [
    'runs',
    [
      'created (UTC)  id  workflow  status  trigger  what',
      '<time>  <id>  wait  running  api  word needs approval',
      '<time>  <id>  one  succeeded  api  1 of 1 steps done',
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
      'N  <time>  key:<id>  switch.set  <run>  not now; status: on',
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
const TABLES = ['runs', 'runs show last', 'approvals'];

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
