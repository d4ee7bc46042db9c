/** A loopback TCP port that was free a moment ago, e.g. for a child process to listen on. */
export { freePort } from '../../src/os/free-port';
