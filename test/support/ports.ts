/** Loopback TCP ports for the servers and child processes of tests. */
import { freePort as freePortOf } from '../../src/os/free-port';

/** What the product itself does not give out, in shares: files that run at the same time do not meet. */
const FIRST = 20_000;
const SHARE = 750;
const SHARES = 8;

const first = FIRST + SHARE * (Number(process.env.JEST_WORKER_ID ?? 0) % SHARES);
const share = { first, last: first + SHARE - 1 };

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> => freePortOf(undefined, share);
