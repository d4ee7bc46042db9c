import { existsSync, readdirSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import type { IncomingMessage } from 'node:http';
import { until } from '../support/until';
import { useInstallations, type Installation } from './support/fixture';

describe('an internal socket', () => {
  const make = useInstallations();
  let app: Installation;
  let socketPath = '';
  let a = '';

  beforeAll(async () => {
    app = await make();
    socketPath = join(app.folder, 'internal.sock');
    app.contract({ internal_port: undefined, internal_socket: socketPath });
    a = app.repo.commit({ version: 'A' });
    await app.start();
    await app.live(a);
  });

  const ask = async (path: string, at = socketPath): Promise<Record<string, unknown>> => {
    const [answer] = (await once(request({ socketPath: at, path, agent: false }).end(), 'response')) as [
      IncomingMessage,
    ];
    let text = '';
    for await (const chunk of answer.setEncoding('utf8')) text += chunk as string;
    return JSON.parse(text) as Record<string, unknown>;
  };
  const modeOf = (path: string) => statSync(path).mode & 0o777;

  it('leads to what is live, and nobody but this user may open it', async () => {
    const seen = await ask('/env?key=INTERNAL_SOCKET');
    expect(seen).toMatchObject({ version: 'A', value: (await app.status()).slots[0]?.internal_socket });
    expect(modeOf(socketPath)).toBe(0o600);
    expect(modeOf(`${socketPath}.d`)).toBe(0o700);
    expect((await ask('/env?key=INTERNAL_PORT'))['value']).toBeNull();
    expect(await app.get()).toBe('A');
  });

  it('follows swaps and rollbacks, and goes with its slot', async () => {
    await app.live(app.repo.commit({ version: 'B' }));
    expect((await ask('/env'))['version']).toBe('B');
    expect(readdirSync(`${socketPath}.d`)).toHaveLength(2);
    expect((await app.call('POST', '/rollback')).body).toMatchObject({ warm: true, commit: a });
    expect((await ask('/env'))['version']).toBe('A');
    await app.live(app.repo.commit({ version: 'C' }));
    await until(() => readdirSync(`${socketPath}.d`).length === 2, { what: 'two sockets' });
  });

  it('opens no port for internal traffic', async () => {
    const socket = connect(app.ports.internal, '127.0.0.1');
    const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  });

  it('is gone when the controller has ended', async () => {
    await app.stop();
    expect(existsSync(socketPath)).toBe(false);
    expect(readdirSync(`${socketPath}.d`)).toEqual([]);
  });

  it('is given instead of an internal port', async () => {
    app.contract({ internal_socket: socketPath });
    await expect(app.start()).rejects.toThrow(/internal_port or internal_socket, not both/);
  });
});
