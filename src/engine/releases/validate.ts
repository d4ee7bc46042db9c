/** The gate before a release is given anything to do. */
import { checkRelease } from '../../domain/release/static-check';
import { partsOf } from '../../domain/release/manifest';
import type { Rollout } from '../../domain/rollout/rollout';
import { worstOf } from '../../domain/rollout/verdict';
import type { EngineDeps } from '../context';
import type { Found } from './stages';

export class Validation {
  constructor(private readonly deps: Pick<EngineDeps, 'store' | 'clock'>) {}

  /** @param withinMs longer is a failure of its own */
  async validate({ candidate, incumbent }: Rollout, withinMs: number): Promise<Found> {
    const { store, clock } = this.deps;
    const begun = clock.now();
    const release = await store.release(candidate);
    if (!release) return { verdict: 'fail', reason: 'the release is not on record' };
    const before = incumbent === undefined ? undefined : await store.release(incumbent);
    const parts = new Map<string, string>();
    for (const hash of partsOf(release.manifest)) {
      const content = await store.releasePart(hash);
      if (content) parts.set(hash, content.toString('utf8'));
    }
    const findings = checkRelease(release, parts, before?.manifest);
    const durationMs = clock.now() - begun;
    const worst = worstOf(findings.map((f) => f.verdict));
    const told = findings.filter((f) => f.verdict === worst).map((f) => `${f.check}: ${f.message}`);
    const report = { findings, durationMs };
    if (durationMs > withinMs)
      return { verdict: 'fail', reason: `its validation took ${durationMs} ms, over ${withinMs} ms`, report };
    const reason = worst === 'pass' ? `${findings.length} checks` : told.join('; ');
    return { verdict: worst, reason, report };
  }
}
