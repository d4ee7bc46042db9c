/** Bugs that an engine like this one is known to have. Each is planted by itself, and has to be caught. */
import type { Edit } from './graph';

export interface Bug {
  name: string;
  edits: Edit[];
  /** What has to be said of it. */
  caught: RegExp;
}

const bug = (
  name: string,
  caught: RegExp,
  ...edits: Array<[file: string, find: string, put: string]>
): Bug => ({
  name,
  caught,
  edits: edits.map(([file, find, put]) => ({ file: `src/${file}`, find, put })),
});

const RUN_CHANGE = 'engine/run-change.ts';
const COMMIT = 'store/memory/commit.ts';
const DECIDE_RUN = 'domain/decide-run.ts';
const FLOW = 'engine/flow.ts';
const DRAFT = 'domain/run-draft.ts';
const CAPSULE = 'domain/decide-capsule.ts';

const record: Bug[] = [
  bug('a write to a run without a fence', /written twice on its version/, [
    COMMIT,
    '(tables.runs.get(run.state.id)?.version ?? 0) !== run.expect',
    'run.expect === 0 && tables.runs.has(run.state.id)',
  ]),
  bug('a write to a capsule without a fence', /written twice on its version/, [
    COMMIT,
    'row?.version !== capsule.expect',
    '!row',
  ]),
  bug('a ledger entry missing', /without a ledger entry/, [
    RUN_CHANGE,
    '    ledger: [\n      ...memos',
    "    ledger: event.type === 'accepted' ? [] : [\n      ...memos",
  ]),
  bug('a change that its ledger entry does not tell', /the ledger says/, [
    RUN_CHANGE,
    '...changed(before, projectRun(state)),',
    "...(event.type === 'cancel' ? { set: {} } : changed(before, projectRun(state))),",
  ]),
  bug('a ledger that is not chained', /the ledger is broken/, [
    COMMIT,
    'chainHash(tables.head, body)',
    "chainHash('', body)",
  ]),
  bug('a tick that may be decided twice', /tick .* was decided as/, [
    COMMIT,
    'if (tick && tables.ticks.has(',
    'if (tick && !run && tables.ticks.has(',
  ]),
  bug('more leases than slots', /leases are held on/, [
    COMMIT,
    'capsule.held - freed + earlier >= capsule.slots || outOfTurn',
    'outOfTurn',
  ]),
  bug(
    'a limit on runs at once that is not kept',
    /runs of each are under way|is under way$/,
    [
      'store/memory/flow.ts',
      'if (flow.gates.some((gate) => heldAt(tables, gate.id) >= gate.limit)) return true;',
      '',
    ],
    [
      'domain/flow/admission.ts',
      'const full = flow.gates.filter((gate) => (use.held.get(gate.id) ?? 0) >= gate.limit);',
      'const full = flow.gates.slice(flow.gates.length);',
    ],
  ),
];

const results: Bug[] = [
  bug('acknowledged before it is committed', /acknowledged before it was committed/, [
    'engine/settle.ts',
    'const applied = await this.runs.apply(',
    `const event = { type: 'result', stepId, attempt, result };
     this.runs.apply(runId, event, { result: { stepId, attempt, result }, actor }).catch(() => undefined);
     if (actor !== '') return { kind: 'settled' };
     const applied = await this.runs.apply(`,
  ]),
  bug('a late result that changes what is over', /became|counted while/, [
    DECIDE_RUN,
    'const inHand = step.attempt === event.attempt && isOpen;',
    "const inHand = isOpen || (event.type === 'result' && step.status === 'failed');",
  ]),
  bug('a result of an earlier attempt that counts for this one', /counted while|ended twice/, [
    DECIDE_RUN,
    'const inHand = step.attempt === event.attempt && isOpen;',
    'const inHand = isOpen;',
  ]),
  bug('a duplicate result that is applied twice', /ended twice|counted while/, [
    DECIDE_RUN,
    'const inHand = step.attempt === event.attempt && isOpen;',
    "const inHand = step.attempt === event.attempt && (isOpen || step.status === 'succeeded');",
  ]),
  bug('a token that is not bound to its attempt', /another attempt than its token/, [
    'engine/settle.ts',
    'result.runId === runId && result.stepId === stepId && (result.attempt ?? attempt) === attempt;',
    'result.runId === runId && result.stepId === stepId;',
  ]),
  bug('a token whose authenticity is not checked', /a token of another expiry/, [
    'engine/callbacks.ts',
    'if (expected.length !== given.length || !timingSafeEqual(expected, given))',
    'if (expected.length !== given.length)',
  ]),
];

const steps: Bug[] = [
  bug('a timer in memory instead of a due time', /is still running/, [
    RUN_CHANGE,
    'const dueAt = runDueAt(state);',
    "const dueAt = state.steps.some((s) => s.status === 'backing-off') ? undefined : runDueAt(state);",
  ]),
  bug('attempts that are not counted', /attempts? of|ended twice/, [
    DRAFT,
    'step.attempt += 1;',
    'step.attempt = 1;',
  ]),
  bug('one attempt too many', /attempts of/, [
    'domain/attempt.ts',
    'attempt - uncounted < plan.attempts &&',
    'attempt - uncounted <= plan.attempts &&',
  ]),
  bug('a retry without a pause', /a pause of/, [
    'domain/run-flow.ts',
    'step.dueAt = this.context.now + backoff(plan, step.attempt, this.context.random());',
    'step.dueAt = this.context.now;',
  ]),
  bug('pauses that grow without a limit', /a pause of/, [
    'domain/attempt.ts',
    'Math.min(plan.maxBackoffMs, plan.backoffMs * growth)',
    'plan.backoffMs * growth ** 3',
  ]),
  bug('a cancel that is ignored', /is not in the record/, [
    DECIDE_RUN,
    'return this.cancel(event);',
    "return 'unchanged';",
  ]),
  bug('a job that nobody gives up', /is still running/, [
    DECIDE_RUN,
    'if (step.deadline !== undefined && now >= step.deadline) {',
    "if (step.status === 'parked' && step.deadline !== undefined && now >= step.deadline) {",
  ]),
  bug('a wait that is forgotten', /nobody knows what it waits for/, [
    'domain/run-flow.ts',
    "this.announce(step, 'open', key);",
    '',
  ]),
  bug('a wait that outlives its step', /still what it waits for/, [
    DRAFT,
    "this.announce(step, 'close');",
    '',
  ]),
  bug('a join that counts what did not succeed', /started before its turn/, [
    'domain/graph.ts',
    'if (succeeded >= step.atLeast)',
    'if (needed.length - open >= step.atLeast)',
  ]),
  bug('a join that does not wait for all', /started before its turn/, [
    'domain/graph.ts',
    "if (open > 0) return 'wait';",
    "if (open > 1) return 'wait';",
  ]),
  bug('a width of a list that is not kept', /children at once of/, [
    'domain/children.ts',
    'let free = concurrency - countOf(outcomes, CHILD_STATES.running);',
    'let free = concurrency;',
  ]),
];

const leases: Bug[] = [
  bug('a lease that is not given back', /is still|is not at rest/, [
    DRAFT,
    "if (step.capsuleId !== undefined) this.lease(step, 'release');",
    "if (step.capsuleId !== undefined && outcome !== 'lost') this.lease(step, 'release');",
  ]),
  bug('work without a lease', /without a lease/, [DRAFT, "this.lease(step, 'grant', generation);", '']),
  bug(
    'sleep while a lease lives',
    /is scaled to 0 while|scaled down while/,
    [CAPSULE, 'if (activity.held > 0) reasons.push(`${activity.held} live lease(s)`);', ''],
    [CAPSULE, 'const idle = activity.held === 0 && activity.waiting === 0;', 'const idle = false;'],
    [COMMIT, "if ((capsule.unless && row.held > 0) || waited) return { ok: false, conflict: 'busy' };", ''],
    ['engine/sleep.ts', 'return mine && current.activity.held === 0;', 'return mine;'],
  ),
  bug('a wake without a fence', /is scaled to 1 while/, [
    'engine/wake.ts',
    "if (current?.state.status !== 'waking' || current.state.generation !== generation) return;",
    'if (!current) return;',
  ]),
  bug(
    'a scale-down without a fence',
    /is scaled to 0 while/,
    [
      'engine/sleep.ts',
      'if (!(await this.isDraining(capsule))) return;\n        // The scale-down was lost on its way.',
      '',
    ],
    ['engine/sleep.ts', 'if (!(await this.isDraining(capsule))) return false;', ''],
  ),
  bug('asleep before it was observed', /is written down as asleep while/, [
    CAPSULE,
    "return changed(state, [{ type: 'verify', generation: capsule.generation }]);",
    'return fallAsleep(state, undefined, context);',
  ]),
  bug('unknown taken for zero', /is written down as asleep while/, [
    'engine/sleep.ts',
    "return { running: 'unknown' as const, desired: 'unknown' as const };",
    'return { running: 0, desired: 0 };',
  ]),
  bug('a capsule that nobody puts to sleep', /without a reason|is not at rest/, [
    CAPSULE,
    "if (capsule.status !== 'awake' || reasonsAwake(capsule, context).length > 0) return unchanged(capsule);",
    'return unchanged(capsule);',
  ]),
  bug(
    'a scale-down that is lost and not sent again',
    /without a reason|is not at rest/,
    ['engine/sleep.ts', "if (desired !== 0 && desired !== 'unknown') await this.scaleToZero(capsule);", ''],
    [
      CAPSULE,
      'const again = capsule.scaledDownAt === undefined || now - capsule.scaledDownAt >= limits.rescaleMs;',
      'const again = false;',
    ],
  ),
];

const repairs: Bug[] = [
  bug('nobody looks after what is due', /is still|is not at rest/, [
    'engine/sweep.ts',
    'await this.severally(ids, (id) => this.guarded({ run: id }, () => this.run(id)));',
    '',
  ]),
  bug('nobody looks after capsules', /without a reason|is not at rest|is still/, [
    'engine/sweep.ts',
    'for (const id of ids) await this.guarded({ capsule: id }, () => this.capsule(id));',
    '',
  ]),
  bug('replicas that nobody knows of stay', /without a reason|is not at rest/, [
    'engine/sleep.ts',
    "const { changed } = await this.capsules.apply(id, { type: 'stray', generation });",
    'const changed = false as boolean;',
  ]),
  bug(
    'a run of a schedule that is in no tick',
    /began for a tick that is decided as/,
    ['engine/tick.ts', "        actor: 'schedule',\n        tick,", "        actor: 'schedule',"],
    [
      'engine/tick.ts',
      'const committed = await this.runs.create(',
      'await this.skip(workflow.id, decision, reason);\n    const committed = await this.runs.create(',
    ],
  ),
];

const flow: Bug[] = [
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

const triggers: Bug[] = [
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

export const BUGS: readonly Bug[] = [
  ...record,
  ...results,
  ...steps,
  ...leases,
  ...repairs,
  ...flow,
  ...triggers,
];
