/** Simulates seeds in a process of its own, and sends what came of them: `seeds.ts <first> <count>`. */
import { runSeeds } from './campaign';

const [first = 0, count = 0] = process.argv.slice(2).map(Number);
// Whoever asked has gone.
process.once('disconnect', () => process.exit(1));
void runSeeds(first, count).then((totals) => process.send?.(totals, () => process.exit(0)));
