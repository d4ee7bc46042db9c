/** A platform whose capsules run already: scale calls are taken and change nothing. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from './cleanup';

const CAPSULE = JSON.stringify({ scaling: { desiredReplicas: 1, runningReplicas: 1 } });

/** Its base URL, for `CC_API_URL`. */
export async function startAlwaysOn(cleanup: Cleanup): Promise<string> {
  const server = createServer((req, res) => {
    req.resume();
    res.setHeader('content-type', 'application/json').end(CAPSULE);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.add(server, async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
