import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { freePort, freePorts, isFree } from '../../src/os/free-port';

it('finds ports that one can listen on, each another', async () => {
  const ports = await freePorts(20);
  expect(new Set(ports).size).toBe(20);
  const server = createServer().listen(await freePort(), '127.0.0.1');
  await once(server, 'listening');
  server.close();
});

it.each([
  ['on loopback', '127.0.0.1', undefined],
  ['on every address', undefined, {}],
])('tells whether somebody listens %s', async (_what, host, where) => {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await isFree(port, where)).toBe(false);
  server.close();
  await once(server, 'close');
  expect(await isFree(port, where)).toBe(true);
});
