import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { connect } from 'node:net';
import { until } from '../support/until';
import { BIN, useInstallations, type Installation } from './support/fixture';

const SUICIDAL = resolve('test/slots/support/killed.js');
/** With the slot that has to be live after the restart. */
const DEPLOY_STAGES = [
  ['resolve', 'old'],
  ['gate', 'old'],
  ['checkout', 'old'],
  ['setup', 'old'],
  ['boot', 'old'],
  ['probe', 'old'],
  ['schema', 'old'],
  ['swap', 'old'],
  ['drain', 'new'],
  ['push', 'new'],
] as const;

describe('after kill -9 of the controller', () => {
  const make = useInstallations();
  let app: Installation;
  let a = '';
  let n = 0;

  beforeAll(async () => {
    app = await make({ setup_command: 'true', drain_timeout_ms: 500 });
    a = app.repo.commit({ version: 'A' });
    await app.start();
    await app.live(a);
    await app.stop();
    await app.start({ KILL_AT: DEPLOY_STAGES[0][0] }, SUICIDAL);
  });

  const isListening = (port: number) =>
    new Promise<boolean>((answer) => {
      const socket = connect(port, '127.0.0.1', () => {
        answer(true);
        socket.destroy();
      });
      socket.once('error', () => answer(false));
    });

  /** One live slot, its process, its worktree, its link; the same of the previous one, and nothing else. */
  const expectOrder = async (live: string) => {
    const status = await app.status();
    expect(status).toMatchObject({ live_commit: live, healthy: true, current: null });
    const kept = [status.live_slot, status.previous_slot].filter((slot) => slot !== '');
    const folders = app.slotFolders().filter((slot) => slot !== 'slot-staging');
    expect(folders).toEqual([...kept].sort());
    expect(app.worktrees().filter((slot) => slot !== 'slot-staging')).toEqual([...kept].sort());
    expect(app.link('live')).toBe(status.live_slot);
    expect(app.link('prev') ?? '').toBe(status.previous_slot);
    await until(() => app.appGroups().length === kept.length, { what: 'one process for each kept slot' });
  };

  it.each(DEPLOY_STAGES)(
    'at the stage %s of a deployment the %s slot is live, and nothing is left over',
    async (stage, which) => {
      n += 1;
      const before = (await app.status()).live_commit;
      const commit = app.repo.commit({ version: `v${n}` });
      await expect(app.deploy(commit)).rejects.toThrow();
      await app.process?.exited;
      const orphans = app.appGroups();
      expect(orphans.length).toBeGreaterThan(0);
      // It recovers, and is the one to be killed at the next stage.
      await app.start({ KILL_AT: DEPLOY_STAGES[n]?.[0] ?? 'none' }, SUICIDAL);
      for (const group of orphans) expect(app.appGroups()).not.toContain(group);
      await expectOrder(which === 'new' ? commit : before);
      expect(await app.get()).toBe(
        which === 'new'
          ? `v${n}`
          : (JSON.parse(app.repo.git('show', `${before}:behaviour.json`)) as { version: string }).version,
      );
      const recovery = (await app.status()).recent_deploys.find((deploy) => deploy.kind === 'recovery');
      expect(recovery).toMatchObject({
        commit: stage === 'resolve' ? '' : commit, // Nobody knew it yet.
        stage,
        outcome: which === 'new' ? 'restored' : 'interrupted',
      });
    },
  );

  it('ends its apps when it is told to end', async () => {
    await app.stop();
    expect(app.appGroups()).toEqual([]);
    expect(await isListening(app.ports.app)).toBe(false);
  });

  it('removes strays of its own, puts links right, and reads past half a line', async () => {
    const log = join(app.data, 'deploys.jsonl');
    writeFileSync(log, `${readFileSync(log, 'utf8')}{"seq":99,"ent`);
    app.repo.git('worktree', 'add', '--detach', join(app.data, 'slot-deadbeef'), a);
    rmSync(join(app.data, 'live'));
    symlinkSync('/etc', join(app.data, 'live'));
    await app.start();
    await expectOrder((await app.status()).live_commit);
    expect((await app.status()).recent_deploys.length).toBeGreaterThan(1);
    expect(await isListening(app.ports.app)).toBe(true);
  });

  it('a second controller on the same directory is refused', async () => {
    const second = await import('node:child_process').then(({ spawnSync }) =>
      spawnSync(
        process.execPath,
        [
          BIN,
          'start',
          '--config',
          join(app.folder, 'slot-machine.json'),
          '--repo',
          app.repo.folder,
          '--data',
          app.data,
          '--port',
          '1',
        ],
        { encoding: 'utf8' },
      ),
    );
    expect(second.status).toBe(1);
    expect(second.stderr).toMatch(/already runs on/);
    expect(await isListening(app.ports.app)).toBe(true);
  });
});
