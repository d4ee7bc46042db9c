/** A platform whose capsules always have as many replicas: scale calls are taken and change nothing. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from './cleanup';

/** Its base URL, for `CC_API_URL`. */
export async function startFixedPlatform(cleanup: Cleanup, replicas: 0 | 1): Promise<string> {
  const capsule = JSON.stringify({ scaling: { desiredReplicas: replicas, runningReplicas: replicas } });
  const server = createServer((req, res) => {
    req.resume();
    res.setHeader('content-type', 'application/json').end(capsule);
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
