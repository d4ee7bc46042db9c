/** Bugs are planted in the engine, one by one, and the judges of the simulation have to notice each. */
import { BUGS } from './bugs';
import { campaign } from './campaign';

/** Campaigns tried until one notices. */
const SEEDS = [1, 2, 3];
/** The longest takes 15 s where nobody else works: nothing is judged by how busy the machine is. */
jest.setTimeout(600_000);

describe('the judges of the simulation', () => {
  it.each(SEEDS.slice(0, 2))('have nothing to say where no bug is planted (seed %i)', async (seed) => {
    expect(await campaign([], seed)).toEqual([]);
  });

  it.each(BUGS.map((bug) => [bug.name, bug] as const))('notice %s', async (_name, { edits, caught }) => {
    const said: string[] = [];
    for (const seed of SEEDS) {
      const violations = await campaign(edits, seed);
      if (violations.some((violation) => caught.test(violation))) return;
      said.push(...violations);
    }
    throw new Error(`nobody noticed; what was said is ${JSON.stringify(said.slice(0, 5))}`);
  });

  it('know more than twenty bugs, each by a name of its own', () => {
    expect(new Set(BUGS.map(({ name }) => name)).size).toBe(BUGS.length);
    expect(BUGS.length).toBeGreaterThan(20);
  });
});
