/** Bugs in how runs are recorded, take results and go from step to step. */
import { bug, type Bug } from './bug';

const RUN_CHANGE = 'engine/run-change.ts';
const COMMIT = 'store/memory/commit.ts';
const DECIDE_RUN = 'domain/decide-run.ts';
const DRAFT = 'domain/run-draft.ts';

export const record: Bug[] = [
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

export const results: Bug[] = [
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

export const steps: Bug[] = [
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
