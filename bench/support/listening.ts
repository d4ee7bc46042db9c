import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Cleanup } from './cleanup';

/** Has a server of a benchmark listen on loopback until its cleanup, whoever is still connected then. Answers its URL. */
export async function listening(server: Server, cleanup: Cleanup): Promise<string> {
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
