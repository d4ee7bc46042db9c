/** Bugs in flow control and in what begins runs. */
import { bug, type Bug } from './bug';

const COMMIT = 'store/memory/commit.ts';
const FLOW = 'engine/flow.ts';

export const flow: Bug[] = [
  bug('a burst of which every run begins', /takes its place/, [
    FLOW,
    'const gone = await this.drop(runId, reason);',
    "const gone = reason === '';",
  ]),
  bug('the first of a burst instead of the last', /although none came after it/, [
    FLOW,
    'const newest = members.pop();',
    'const newest = members.shift();',
  ]),
  bug('a burst that does not wait until it is quiet', /before its time was quiet/, [
    'domain/flow/rules.ts',
    'const quiet = now + seconds * 1_000;',
    'const quiet = now + 0 * seconds;',
  ]),
  bug('an order that is taken twice', /is the second one of order/, [
    COMMIT,
    'const duplicate = change.deduplicate && duplicateOf(tables, change.deduplicate, change.at);',
    'const duplicate = undefined as string | undefined;',
  ]),
  bug('priorities that nobody looks at', /was passed over by/, [
    'store/memory/flow.ts',
    '.sort((a, b) => b.priority - a.priority || servedAt(a)',
    '.sort((a, b) => servedAt(a)',
  ]),
  bug('customers who do not take turns', /was passed over by/, [
    'store/memory/flow.ts',
    'servedAt(a) - servedAt(b) || byAge(a, b)',
    'byAge(a, b)',
  ]),
  bug('a limit by key that is not kept', /is under way$/, [
    'domain/flow/rules.ts',
    "const of = value === ''",
    "if (workflowId === 'each') return { id: `${workflowId}|${JSON.stringify(input)}`, value };\n  const of = value === ''",
  ]),
  bug(
    'a rate that is not kept',
    /runs of ranked began within/,
    [
      'store/memory/flow.ts',
      'return flow.rate !== undefined && tokenAt(',
      "return flow.turn === '-' && flow.rate !== undefined && tokenAt(",
    ],
    [
      'domain/flow/admission.ts',
      "if (!flow.rate) return { admit: 'start' };",
      "if (now > 0 || !flow.rate) return { admit: 'start' };",
    ],
  ),
];

export const triggers: Bug[] = [
  bug('an end that is followed twice', /^the end of run .* started run/, [
    'engine/triggers/followers.ts',
    "id: derivedId('run', run.id, workflow.id)",
    "id: derivedId('run', run.id, workflow.id, this.deps.clock.now())",
  ]),
  bug('an end that nobody follows', /^the end of run .* started no run/, [
    'engine/trigger.ts',
    '(w.on?.run ?? []).map((rule) => rule.workflow)',
    '(w.on?.run ?? []).map((rule) => `not ${rule.workflow}`)',
  ]),
  bug(
    'an event that starts a run each time it is told',
    /^event .* started run/,
    ['engine/triggers/listeners.ts', 'export class Listeners {', 'let told = 0;\nexport class Listeners {'],
    [
      'engine/triggers/listeners.ts',
      "id: derivedId('event', id, workflow.id)",
      "id: derivedId('event', id, workflow.id, (told += 1))",
    ],
  ),
  bug('a delivery that starts a run each time it comes', /^delivery .* started run/, [
    'engine/triggers/hooks.ts',
    'const idempotency = delivery &&',
    "const idempotency = delivery === '' &&",
  ]),
];
