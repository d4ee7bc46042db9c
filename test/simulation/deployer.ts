/** People who move pointers while work goes on: they promote, try, abort, roll back and switch off, and race each other. */
import { releaseId, type Release, type ReleaseManifest } from '../../src/domain/release/manifest';
import type { Strategy } from '../../src/domain/rollout/strategy';
import { EXACT } from '../../src/domain/rollout/tolerance';
import type { Store } from '../../src/store/store';
import type { VirtualClock } from './clock';
import type { Orchestrator } from './orchestrator';

/** The agents that have releases: one with a spare capsule, and one whose releases share the only capsule. */
export const RELEASED = ['alpha', 'beta'] as const;
const RELEASES = 5;
export const ENVIRONMENT = 'development';
const BY = { actor: 'simulation' };
/** How long work is switched off, at most. */
const OFF_MS = 120_000;
const AGAIN_MS = 5_000;
/** How often somebody looks whether a rollout waits for a word, and how likely that one gets it then. */
const ROUND_MS = 300_000;
const HEARD = 0.4;

export const releaseOf = (agentId: string, n: number): Release => {
  const manifest: ReleaseManifest = {
    ...{ manifestVersion: 1, agentId, code: { tree: String(n).repeat(40) }, models: [], prompts: [] },
    ...{ tools: [], permissions: [], contractVersion: 1, config: { n } },
  };
  return { id: releaseId(manifest), agentId, manifest, createdAt: n, createdBy: 'simulation' };
};

export async function putOnRecord(store: Store, release: Release): Promise<void> {
  const entry = { at: 1, actor: 'simulation', action: 'release.created', entity: 'release' } as const;
  await store.addRelease(release, new Map(), { ...entry, id: release.id, set: {} });
}

const canary = (weight: number, tasks: number) =>
  ({ kind: 'canary', weight, forMs: 0, tasks, deadlineMs: 600_000 }) as const;
export const BLUE_GREEN: Strategy = {
  name: 'blue-green',
  stages: [{ kind: 'warm-up', withinMs: 120_000 }, { kind: 'switch' }, { kind: 'cleanup', withinMs: 60_000 }],
  rollbackOn: [],
};
const STRATEGIES: readonly Strategy[] = [
  { name: 'direct', stages: [{ kind: 'switch' }], rollbackOn: [] },
  BLUE_GREEN,
  { name: 'canary', stages: [canary(20, 1), canary(60, 2), { kind: 'switch' }], rollbackOn: [] },
  {
    name: 'canary',
    stages: [
      {
        ...{ kind: 'replay', tasks: 3, sinceMs: 86_400_000, withinMs: 300_000, margin: 0.75 },
        ...{ compare: ['output_equivalence'], tolerance: EXACT, where: 'capsule', unrecorded: 'refuse' },
      },
      { kind: 'shadow', forMs: 120_000, compare: ['output_equivalence'] },
      canary(50, 2),
      { kind: 'switch' },
    ],
    rollbackOn: [],
  },
];

export interface DeployerOptions {
  clock: VirtualClock;
  random: () => number;
  /** The record itself. */
  store: Store;
  anyone: () => Orchestrator | undefined;
}

export class Deployer {
  /** Rollouts that were begun. */
  begun = 0;

  constructor(private readonly options: DeployerOptions) {}

  /** Puts the releases on record. */
  async open(): Promise<void> {
    for (const agentId of RELEASED)
      for (let n = 0; n < RELEASES; n += 1) await putOnRecord(this.options.store, releaseOf(agentId, n));
    this.lookLater();
  }

  /** Does what people may do at any time, sometimes two of them at once. */
  act(): void {
    const { random } = this.options;
    const agentId = RELEASED[Math.floor(random() * RELEASED.length)] ?? RELEASED[0];
    const what = random();
    if (what < 0.55) this.roll(agentId);
    if (what > 0.45 && what < 0.7) this.ask((o) => o.engine.rollouts.rollback(agentId, ENVIRONMENT, BY));
    if (what > 0.6 && what < 0.9) this.answer(agentId, random() < 0.4 ? 'abort' : 'go on');
    if (what > 0.92) this.switchOff(agentId);
  }

  /** Aborts what waits for a person, so that everything comes to its end. */
  async close(): Promise<void> {
    for (const { id } of await this.options.store.openRollouts())
      this.insist((o) => o.engine.rollouts.apply(id, { type: 'abort', reason: 'it is over' }, BY));
  }

  /** Also where nothing else goes on, so that no rollout waits for days. */
  private lookLater(): void {
    const { clock, random } = this.options;
    clock.beat(ROUND_MS, () => {
      for (const agentId of RELEASED) if (random() < HEARD) this.answer(agentId, 'go on');
      this.lookLater();
    });
  }

  private roll(agentId: string): void {
    const { random } = this.options;
    const { id } = releaseOf(agentId, Math.floor(random() * RELEASES));
    const strategy = STRATEGIES[Math.floor(random() * STRATEGIES.length)] ?? STRATEGIES[0];
    if (!strategy) return;
    const wish = { agentId, environment: ENVIRONMENT, releaseId: id, strategy };
    this.ask(async (o) => {
      if ((await o.engine.rollouts.begin(wish, BY)).kind === 'begun') this.begun += 1;
    });
  }

  /** To a rollout that is under way, or waits for a word. */
  private answer(agentId: string, word: 'abort' | 'go on'): void {
    this.ask(async (o) => {
      const open = await this.options.store.openRollout(agentId, ENVIRONMENT);
      if (!open) return;
      const { id } = open.state;
      if (word === 'abort') await o.engine.rollouts.apply(id, { type: 'abort', reason: 'simulated' }, BY);
      else if (open.state.status !== 'paused') return;
      else if (this.options.random() < 0.5) await o.engine.rollouts.apply(id, { type: 'retry' }, BY);
      else
        await o.engine.rollouts.apply(
          id,
          {
            type: 'accept',
            verdict: { verdict: 'pass', reason: 'simulated', evidence: [], at: 1, by: 'simulation' },
          },
          BY,
        );
    });
  }

  private switchOff(agentId: string): void {
    const { clock, random } = this.options;
    const expiresAt = clock.now() + random() * OFF_MS;
    const wanted = { scope: 'agent' as const, subject: agentId, message: 'simulated', expiresAt };
    this.ask((o) => o.engine.guards.set(wanted, BY.actor));
  }

  private ask(what: (orchestrator: Orchestrator) => Promise<unknown>): void {
    const orchestrator = this.options.anyone();
    // Refused by a store that does not answer: whoever asked was told.
    orchestrator?.enter(() => void what(orchestrator).catch(() => undefined));
  }

  /** Asks whoever is there until one answers. */
  private insist(what: (orchestrator: Orchestrator) => Promise<unknown>): void {
    let heard = false;
    const again = () => {
      if (heard) return;
      const orchestrator = this.options.anyone();
      orchestrator?.enter(
        () =>
          void what(orchestrator).then(
            () => void (heard = true),
            () => undefined,
          ),
      );
      this.options.clock.after(AGAIN_MS, again);
    };
    again();
  }
}
