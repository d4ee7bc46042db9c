/** Postgres beside the store in memory, whose rules are easier to read: whatever is done to both, they do not differ. */
import fc from 'fast-check';
import { createMemoryStore } from '../../src/store/memory';
import { openPostgresStore } from '../../src/store/postgres';
import type { Change, CommitResult, Store } from '../../src/store/store';
import { everything } from '../contracts/store-fixtures';
import { wipe } from './postgres-database';

export type Outcome = CommitResult | 'thrown';

/** Does to both what was thought up. @returns the ways in which its commits ended */
type Play<T> = (asked: T, model: Store, real: Store) => Promise<Iterable<Outcome>>;

/** @returns every way in which a commit ended: `ok`, `thrown`, or its conflict */
export async function playBeside<T>(
  url: string,
  asked: fc.Arbitrary<T>,
  numRuns: number,
  play: Play<T>,
): Promise<string[]> {
  const seen = new Set<string>();
  const property = fc.asyncProperty(asked, async (each) => {
    await wipe(url);
    const real = await openPostgresStore(url);
    try {
      for (const o of await play(each, createMemoryStore(), real))
        seen.add(o === 'thrown' ? o : o.ok ? 'ok' : o.conflict);
    } finally {
      await real.close();
    }
  });
  await fc.assert(property, { numRuns, interruptAfterTimeLimit: 40_000 });
  return [...seen].sort();
}

/** Commits all of them at once, to each store; both answer the same. */
export async function commitToBoth(model: Store, real: Store, changes: Change[]): Promise<Outcome[]> {
  const expected = await outcomes(model, changes);
  expect((await outcomes(real, changes)).map(byCapsule)).toEqual(expected.map(byCapsule));
  return expected;
}

/** @param now what is due by then, epoch milliseconds */
export async function expectAlike(model: Store, real: Store, now: number): Promise<void> {
  const look = (store: Store) => everything(store, ['audit', 'other'], now);
  expect(await look(real)).toEqual(await look(model));
}

const outcomes = (store: Store, changes: Change[]): Promise<Outcome[]> =>
  Promise.all(changes.map((change) => store.commit(change).catch(() => 'thrown' as const)));

/** In which order a commit's capsules are told is nobody's business. */
const byCapsule = (outcome: Outcome): Outcome =>
  outcome === 'thrown' || !outcome.ok
    ? outcome
    : { ...outcome, freed: [...outcome.freed].sort((a, b) => (a.capsuleId < b.capsuleId ? -1 : 1)) };
