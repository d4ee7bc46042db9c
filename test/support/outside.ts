/**
 * Services outside this machine, played by nock. Tests import nock from here alone: it patches node:http
 * for the whole worker process, and a file that left it patched would give the next file sockets
 * whose end nobody sees.
 */
import nock from 'nock';

afterAll(() => nock.restore());

export default nock;

/**
 * For each test of a file: only what nock plays can be reached, and all of it must have been used.
 * @param local also this machine's own servers
 */
export function useOutside({ local = false }: { local?: boolean } = {}): void {
  beforeEach(() => {
    nock.disableNetConnect();
    if (local) nock.enableNetConnect('127.0.0.1');
  });
  afterEach(() => {
    const unused = nock.pendingMocks();
    nock.abortPendingRequests();
    nock.cleanAll();
    nock.enableNetConnect();
    expect(unused).toEqual([]);
  });
}
