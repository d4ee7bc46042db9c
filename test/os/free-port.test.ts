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

it('gives no port that outgoing connections may take', async () => {
  for (const port of await freePorts(50)) expect(port).toBeLessThan(32_768);
});

it('passes over what is taken, and tells when a range has no more', async () => {
  const first = await freePort();
  const range = { first, last: first + 1 };
  const server = createServer().listen(first, '127.0.0.1');
  await once(server, 'listening');
  try {
    expect(await freePorts(1, undefined, range)).toEqual([first + 1]);
    await expect(freePorts(2, undefined, range)).rejects.toThrow(`no 2 free TCP ports from ${first}`);
  } finally {
    server.close();
  }
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
