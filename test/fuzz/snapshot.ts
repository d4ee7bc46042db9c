/** Everything that is kept, as one text: what must not change while strangers attack. */
import type { Api } from '../http/support/api';

const MANY = 1_000;

/** Of the inbox, which takes what strangers send, nothing. */
export async function snapshot({ store }: Api): Promise<string> {
  const runs = (await store.runs({}, MANY)).items;
  const details = await Promise.all(
    runs.map(async ({ id }) => [await store.run(id), await store.payloads(id)] as const),
  );
  const capsules = await store.capsules();
  const leases = await Promise.all(
    capsules.map(async (capsule) => {
      const { id } = capsule.state;
      return [await store.waiting(id, MANY), await store.holders(id)];
    }),
  );
  const releases = (await store.releases({}, MANY)).items;
  const verdicts = await Promise.all(releases.map(({ id }) => store.verdictsOf(id, MANY)));
  return JSON.stringify([
    await store.ledgerEnd(),
    details,
    [capsules, leases, (await store.shifts({}, MANY)).items],
    [(await store.keys(MANY)).items, (await store.switches({}, MANY)).items],
    [(await store.alerts({}, MANY)).items, (await store.approvals(MANY)).items],
    [(await store.memos({}, MANY)).items, await store.breakers(MANY), await store.protocols(MANY)],
    [releases, verdicts, await store.environments(), (await store.rollouts(MANY)).items],
    [await store.followedBuilds(MANY), await store.heldLeases(MANY)],
    [await store.notificationBacklog(), await store.undelivered(9e15, MANY)],
  ]);
}
