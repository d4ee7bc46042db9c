/** What comes too late, and what only seems so. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { TooLate, withDeadline } from '../../src/http/deadline';

/** The real one: what is tried is in which order Node does things. */
const clock = {
  after: (ms: number, call: () => void) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
};

it('rejects once the time is over', async () => {
  const never = new Promise(() => undefined);
  await expect(withDeadline(clock, never, 5)).rejects.toThrow(TooLate);
});

it('takes what arrived in time while the process was busy', async () => {
  const server = createServer((socket) =>
    socket.once('data', () => {
      socket.end('pong');
      const end = performance.now() + 60;
      while (performance.now() < end); // longer than the deadline, with the answer there to be read
    }),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    const pong = once(socket, 'data').then(([data]) => String(data));
    const answer = withDeadline(clock, pong, 20);
    socket.write('ping');
    expect(await answer).toBe('pong');
  } finally {
    socket.destroy();
    await new Promise((closed) => server.close(closed));
  }
});
