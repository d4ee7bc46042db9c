/** A platform whose capsules always have as many replicas: scale calls are taken and change nothing. */
import { createServer } from 'node:http';
import type { Cleanup } from './cleanup';
import { listening } from './listening';

/** Its base URL, for `CC_API_URL`. */
export async function startFixedPlatform(cleanup: Cleanup, replicas: 0 | 1): Promise<string> {
  const capsule = JSON.stringify({ scaling: { desiredReplicas: replicas, runningReplicas: replicas } });
  const server = createServer((req, res) => {
    req.resume();
    res.setHeader('content-type', 'application/json').end(capsule);
  });
  return listening(server, cleanup);
}
