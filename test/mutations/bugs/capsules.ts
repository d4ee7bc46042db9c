/** Bugs in how capsules are leased, slept and mended. */
import { bug, type Bug } from './bug';

const COMMIT = 'store/memory/commit.ts';
const DRAFT = 'domain/run-draft.ts';
const CAPSULE = 'domain/decide-capsule.ts';

export const leases: Bug[] = [
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

export const repairs: Bug[] = [
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
