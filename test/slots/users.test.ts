import { chmodSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { processesOf } from '../../src/slots/agent/peers';
import { until } from '../support/until';
import { Chat, type ChatEvent } from './support/chat';
import { useInstallations, type Installation } from './support/fixture';

const AGENT_BIN = resolve('test/slots/support/agent.js');
const ENV = { AGENT_BIN, INJECTED: 'secret-canary' };
const APP_USER = { uid: 65_534, gid: 65_534 };
const AGENT_USER = { uid: 64_217, gid: 64_217 };
const isRoot = process.getuid?.() === 0;

describe('users of their own', () => {
  const make = useInstallations();

  it('need a controller that may change to them, and are two', async () => {
    const fields = isRoot ? { run_as: APP_USER, agent_run_as: APP_USER } : { agent_run_as: AGENT_USER };
    const app = await make(fields);
    await expect(app.start()).rejects.toThrow(isRoot ? /another user than run_as/ : /runs as root/);
  });

  // Without root there is nobody to change to, and the test above is what holds.
  if (!isRoot) return;

  describe('for app and agent', () => {
    let app: Installation;
    let chat: Chat;
    let a = '';

    beforeAll(async () => {
      app = await make({
        run_as: APP_USER,
        agent_run_as: AGENT_USER,
        secrets_inject: ['INJECTED'],
        setup_command: 'id -u > made-by',
        shared_dirs: ['uploads'],
      });
      chmodSync(app.folder, 0o755);
      a = app.repo.commit({ version: 'A' });
      await app.start(ENV);
      await app.live(a);
      chat = new Chat(app);
    });

    const outputs = (events: ChatEvent[]) =>
      events.filter(({ data }) => data.type === 'ran').map(({ data }) => String(data['out']).trim());

    it('run all of the commit that runs, setup too', async () => {
      const pid = (await app.status()).slots[0]?.pid ?? 0;
      expect(processesOf(APP_USER.uid)).toContain(pid);
      expect(readFileSync(join(app.data, 'live/made-by'), 'utf8').trim()).toBe(String(APP_USER.uid));
    });

    it('keep the agent from the contract, the secrets, the state and the ports, however it turns', async () => {
      const pid = (await app.status()).slots[0]?.pid;
      // Said at the exit: a connection that is cut at once can leave a fetch that never settles.
      const request = (url: string) =>
        `let s='none'; process.on('exit',()=>console.log(s)); fetch('${url}').then((a)=>{s=a.status},()=>{})`;
      const ask = (url: string) => `env -i setsid -w ${process.execPath} -e "${request(url)}"`;
      const { api, internal, app: port } = app.ports;
      const events = await chat.work(await chat.create(), {
        run: [
          `cat /proc/${app.process?.pid}/environ`,
          `cat /proc/${pid}/environ`,
          `echo x >> ${join(app.folder, 'slot-machine.json')}`,
          `cat ${join(app.data, 'state.json')}`,
          ask(`http://127.0.0.1:${api}/status`),
          ask(`http://127.0.0.1:${internal}/healthz`),
          ask(`http://127.0.0.1:${port}/agent/conversations`),
          'id -u',
          'git log -1 --format=%H',
        ],
        write: { 'behaviour.json': '{"version":"by the agent"}' },
      });
      const denied = expect.stringMatching(/ermission denied/) as string;
      expect(outputs(events)).toEqual([
        ...[denied, denied, denied, denied],
        ...['403', 'none', '403', String(AGENT_USER.uid), a],
      ]);
      expect(JSON.stringify(events)).not.toContain('secret-canary');
      expect(events.at(-1)?.data).toMatchObject({ status: 'done', deployed: true });
      expect(await app.get()).toBe('by the agent');
    });

    it('leave none of its processes behind, though it let go of them', async () => {
      await chat.work(await chat.create(), { run: ['env -i setsid sleep 1000 >/dev/null 2>&1 &'] });
      await until(() => processesOf(AGENT_USER.uid).length === 0, { what: 'the end of what it left' });
    });

    it('do not let a repository of its own run programs as the controller', async () => {
      const witness = join(app.folder, 'ran');
      const evil = `git config core.fsmonitor 'touch ${witness}'; git config filter.x.clean 'touch ${witness}; cat'`;
      const events = await chat.work(await chat.create(), {
        run: [`rm .git; git init -q; ${evil}; echo '* filter=x' > .gitattributes`],
        write: { 'behaviour.json': '{"version":"evil"}' },
      });
      expect(events.at(-1)?.data).toMatchObject({ status: 'failed', deployed: false });
      expect(events.at(-1)?.data['detail']).toMatch(/slot-staging\/\.git.*does not lead to|cannot be read/);
      expect(() => readFileSync(witness)).toThrow(/ENOENT/);
      expect(await app.get()).toBe('by the agent');
    });
  });
});
