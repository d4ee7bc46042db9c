/**
 * Follows the builds that were asked for here to their end, whoever asked and whichever orchestrator
 * did: the end goes into the ledger, and a failed one is told. Builds are minutes long, so now and
 * then is often enough.
 */
import type { LedgerEntry } from '../domain/ledger';
import { isOver, type Build } from '../platforms/builds';
import type { FollowedBuild } from '../store/redeploys';
import type { Alerts } from './alerts';
import type { EngineDeps } from './context';
import type { Redeploys } from './redeploy';

const PERIOD_MS = 10_000;
/** Builds in one look, the oldest first. */
const MAX_FOLLOWED = 100;
/** A build without an end by then is given up: the platform forgot it, or never tells. */
const GIVE_UP_MS = 2 * 3_600_000;
const ACTOR = 'engine';

type Deps = Pick<EngineDeps, 'store' | 'clock' | 'log' | 'builds'>;

export class BuildFollower {
  private cancel: () => void = () => undefined;
  private closed = false;

  constructor(
    private readonly deps: Deps,
    private readonly redeploys: Pick<Redeploys, 'list'>,
    private readonly alerts: Pick<Alerts, 'raise' | 'resolve'>,
  ) {}

  start(): void {
    if (!this.deps.builds) return;
    this.cancel = this.deps.clock.after(PERIOD_MS, () => {
      this.look()
        .catch((error: unknown) => this.deps.log.warn({ err: error }, 'builds could not be followed'))
        .finally(() => !this.closed && this.start());
    });
  }

  close(): void {
    this.closed = true;
    this.cancel();
  }

  /** One look at every build that has not ended; the timer's work, and a step for tests. */
  async look(): Promise<void> {
    const followed = await this.deps.store.followedBuilds(MAX_FOLLOWED);
    for (const agentId of new Set(followed.map((build) => build.agentId))) {
      const list = await this.buildsOf(agentId);
      for (const one of followed.filter((build) => build.agentId === agentId)) {
        await this.judge(
          one,
          list.find(({ id }) => id === one.buildId),
        );
      }
    }
  }

  /** Empty where they cannot be told now: then only the time decides. */
  private async buildsOf(agentId: string): Promise<Build[]> {
    const reading = await this.redeploys.list(agentId);
    if (reading.kind === 'read') return reading.value.list;
    this.deps.log.debug({ agentId, kind: reading.kind }, 'the builds of an agent cannot be read now');
    return [];
  }

  private async judge(one: FollowedBuild, build: Build | undefined): Promise<void> {
    const now = this.deps.clock.now();
    if (build && isOver(build)) return this.end(one, build.status === 'failed' ? 'failed' : 'succeeded');
    if (now - one.at > GIVE_UP_MS) return this.end(one, 'unknown');
  }

  private async end(
    { id, agentId, buildId }: FollowedBuild,
    status: 'succeeded' | 'failed' | 'unknown',
  ): Promise<void> {
    const { store, clock } = this.deps;
    const at = clock.now();
    const entry: LedgerEntry = {
      ...{ at, actor: ACTOR, action: `redeploy.${status}`, entity: 'redeploy', id },
      ...{ set: { status, buildId }, was: { status: 'started' } },
    };
    if (!(await store.endRedeploy(id, { at, status }, entry))) return; // somebody else was quicker
    if (status === 'succeeded') {
      await this.alerts.resolve(
        { kind: 'build-failed', subject: agentId },
        `build ${buildId} succeeded`,
        ACTOR,
      );
      return;
    }
    const what = status === 'failed' ? 'failed' : `has no end after ${GIVE_UP_MS / 60_000} minutes`;
    const message = `build ${buildId} of ${agentId} ${what}: look at GET /agents/${agentId}/builds/${buildId}; the former version goes on`;
    await this.alerts.raise({ kind: 'build-failed', subject: agentId, message }, ACTOR);
  }
}
