import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { canonicalJson } from '../../src/domain/canonical-json';
import { verifyChain } from '../../src/domain/ledger';
import { until } from '../support/until';
import { useInstallations, type Installation } from './support/fixture';

describe('deployments', () => {
  const make = useInstallations();
  let app: Installation;
  let a = '';
  let b = '';
  let c = '';

  beforeAll(async () => {
    app = await make({
      setup_command: 'mkdir -p made && echo $SLOT_MACHINE > made/by-setup',
      keep_warm: false,
    });
    a = app.repo.commit({ version: 'A' });
    b = app.repo.commit({ version: 'B' });
    c = app.repo.commit({ version: 'C', files: { 'made/tracked': 'x' } });
    await app.start();
  });

  it('begin with nothing live: empty texts, no rollback, connections refused', async () => {
    expect(await app.status()).toMatchObject({
      live_slot: '',
      live_commit: '',
      previous_slot: '',
      previous_commit: '',
      staging_dir: '',
      last_deploy_time: '',
      healthy: false,
    });
    expect(await app.call('POST', '/rollback')).toMatchObject({ status: 404, body: { success: false } });
    await expect(app.get()).rejects.toThrow(/ECONNREFUSED/);
  });

  it('make a commit live, with all in place when the call answers', async () => {
    const { body } = await app.live(a);
    const slot = `slot-${a.slice(0, 8)}`;
    expect(body).toMatchObject({ success: true, slot, commit: a, previous_commit: '' });
    expect(await app.get()).toBe('A');
    expect(app.slotFolders()).toEqual([slot, 'slot-staging'].sort());
    expect(app.link('live')).toBe(slot);
    expect(app.link('prev')).toBeUndefined();
    expect(readFileSync(join(app.data, 'live/made/by-setup'), 'utf8')).toBe('1\n');
    expect(readFileSync(join(app.data, 'slot-staging/made/by-setup'), 'utf8')).toBe('1\n');
    const { staging_dir: staging, healthy, live_commit: live } = await app.status();
    expect({ staging, healthy, live }).toEqual({
      staging: join(app.data, 'slot-staging'),
      healthy: true,
      live: a,
    });
  });

  it('keep live and previous only, and nothing of the one before', async () => {
    await app.live(b);
    await app.live(c);
    const kept = [`slot-${b.slice(0, 8)}`, `slot-${c.slice(0, 8)}`, 'slot-staging'].sort();
    expect(app.slotFolders()).toEqual(kept);
    expect(app.worktrees()).toEqual(kept);
    expect({ live: app.link('live'), prev: app.link('prev') }).toEqual({
      live: `slot-${c.slice(0, 8)}`,
      prev: `slot-${b.slice(0, 8)}`,
    });
    // Without keep_warm one process is left.
    expect(app.appGroups()).toHaveLength(1);
  });

  it('take the live commit again, and a short or symbolic name', async () => {
    expect((await app.live(c)).body).toMatchObject({ slot: `slot-${c.slice(0, 8)}`, previous_commit: c });
    expect(await app.status()).toMatchObject({ live_commit: c, previous_commit: b });
    expect(app.appGroups()).toHaveLength(1);
    expect((await app.live(b.slice(0, 7))).body).toMatchObject({ slot: `slot-${b.slice(0, 8)}`, commit: b });
    expect((await app.call('POST', '/deploy', { branch: 'main' })).body).toMatchObject({
      success: true,
      commit: c,
    });
    expect(await app.get()).toBe('C');
  });

  it('roll back by booting the previous slot where none is warm', async () => {
    const { status, body } = await app.call('POST', '/rollback');
    expect({ status, body }).toMatchObject({ status: 200, body: { success: true, commit: b, warm: false } });
    expect(await app.get()).toBe('B');
    expect(await app.status()).toMatchObject({ live_commit: b, previous_commit: c });
    await until(() => app.appGroups().length === 1, { what: 'the end of the old process' });
  });

  it('leave the live slot alone when the new one ends or cannot be set up', async () => {
    const before = await app.status();
    const ends = app.repo.commit({ version: 'bad', files: { 'start.sh': '#!/bin/sh\nexit 3\n' } });
    const answer = await app.deploy(ends);
    expect(answer).toMatchObject({ status: 500, body: { success: false, stage: 'probe' } });
    const [, log = ''] = /ended with code 3 .*; see (\S+\.log)\.$/.exec(answer.body.error ?? '') ?? [];
    expect(existsSync(log)).toBe(true);
    // A file where setup wants a folder.
    const unready = app.repo.commit({ version: 'bad', files: { 'made/tracked': null, made: 'a file' } });
    expect(await app.deploy(unready)).toMatchObject({ status: 500, body: { stage: 'setup' } });
    expect(await app.status()).toMatchObject({
      live_slot: before.live_slot,
      healthy: true,
      consecutive_failures: 2,
    });
    expect(await app.get()).toBe('B');
    expect(app.slotFolders()).toHaveLength(3);
    expect(app.worktrees()).toHaveLength(3);
    expect(app.appGroups()).toHaveLength(1);
  });

  it('write every attempt into a chain of hashes', async () => {
    const lines = readFileSync(join(app.data, 'deploys.jsonl'), 'utf8').trim().split('\n');
    const entries = lines.map(
      (line) => JSON.parse(line) as { seq: number; entry: Record<string, unknown>; hash: string },
    );
    expect(verifyChain(entries.map((e) => ({ ...e, body: canonicalJson(e.entry) })))).toEqual({
      ok: true,
      entries: lines.length,
    });
    expect(entries.at(-1)?.entry).toMatchObject({
      kind: 'deploy',
      outcome: 'failed',
      stage: 'setup',
      trigger: 'manual',
    });
    expect(entries[0]?.entry).toMatchObject({ outcome: 'promoted', health: 'healthy', gate: [] });
    expect(Object.keys(entries[0]?.entry['timings'] as object)).toEqual(
      expect.arrayContaining([
        'resolve',
        'gate',
        'checkout',
        'setup',
        'boot',
        'probe',
        'swap',
        'flip',
        'drain',
        'total',
      ]),
    );
  });

  it('keep what the agent has not committed', async () => {
    const file = join(app.data, 'slot-staging/behaviour.json');
    writeFileSync(file, '{"version":"unfinished"}');
    expect((await app.live(c)).body).toMatchObject({
      staging_kept: 'it holds changes that are not committed',
    });
    expect(readFileSync(file, 'utf8')).toContain('unfinished');
  });
});

describe('an app that takes its time', () => {
  const make = useInstallations();

  it('is live once it is well, after a restart too; one that never is, or cannot serve, changes nothing', async () => {
    const app = await make({
      health_timeout_ms: 5_000,
      health_test_payload: { method: 'GET', path: '/state' },
    });
    const slow = app.repo.commit({ version: 'slow', bootDelayMs: 1_500 });
    const sick = app.repo.commit({ version: 'sick', unhealthy: true });
    const failing = app.repo.commit({ version: 'failing', failing: true });
    await app.start();
    const { body } = await app.live(slow);
    expect((body['timings'] as Record<string, number>)['probe']).toBeGreaterThan(1_000);

    const never = await app.deploy(sick);
    expect(never).toMatchObject({ status: 500, body: { success: false, stage: 'probe' } });
    expect(never.body.error).toMatch(/^Not healthy within 5000 ms: \/healthz answered 503; see /);
    const { body: broken } = await app.deploy(failing);
    expect(broken).toMatchObject({ success: false, stage: 'probe' });
    expect(broken.error).toBe('The test request GET /state was answered 500.');
    expect(await app.get()).toBe('slow');
    expect(app.appGroups()).toHaveLength(1);

    await app.stop();
    const starting = app.start();
    const atRoot = () => app.call('GET', '/').catch(() => undefined); // It does not listen yet.
    await until(async () => (await atRoot())?.status === 503, { what: 'an API that says it is starting' });
    await starting;
    expect(await atRoot()).toMatchObject({ status: 200 });
    expect(await app.get()).toBe('slow');
  });
});
