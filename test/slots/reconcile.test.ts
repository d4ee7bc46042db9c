import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findingsOf, FINDING_KINDS, type Facts } from '../../src/slots/findings';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { useInstallations, type Installation } from './support/fixture';

const WELL: Facts = {
  mainAhead: 0,
  divergence: 3,
  health: undefined,
  drift: undefined,
  contract: undefined,
  remote: undefined,
  diskUsedPercent: 50,
  failedDeploys: 2,
};
const LIMITS = { max_branch_divergence: 3, max_disk_used_percent: 50, max_failed_deploys: 3 };

describe('what is found', () => {
  it.each([
    [{}, []],
    [{ mainAhead: 1 }, ['main-ahead']],
    [{ divergence: 4 }, ['divergence']],
    [{ diskUsedPercent: 51 }, ['disk']],
    [{ failedDeploys: 3 }, ['failed-deploys']],
    [{ health: 'x', drift: 'x', contract: 'x', remote: 'x' }, ['health', 'drift', 'contract', 'remote']],
  ] as [Partial<Facts>, string[]][])('of %j is %j', (facts, kinds) => {
    expect(findingsOf({ ...WELL, ...facts }, LIMITS).map(({ kind }) => kind)).toEqual(kinds);
    expect(FINDING_KINDS).toEqual(expect.arrayContaining(kinds));
  });
});

describe('looking after the app', () => {
  const make = useInstallations();
  let app: Installation;
  let alerts: WebhookReceiver;
  let a = '';

  beforeAll(async () => {
    alerts = await startWebhookReceiver();
    app = await make({
      alert_webhook: alerts.url,
      restart_backoff_ms: 100,
      max_failed_deploys: 2,
      max_disk_used_percent: 100,
      health_test_payload: { path: '/payload', expect_status: 200 },
      health_timeout_ms: 20_000,
    });
    a = app.repo.commit({ version: 'A' });
    await app.start();
    await app.live(a);
  });
  afterAll(() => alerts.close());

  const found = async () => {
    const { status, body } = await app.call('POST', '/reconcile');
    expect(status).toBe(200);
    return (body['findings'] as { kind: string; detail: string }[]).map(({ kind }) => kind);
  };
  const told = (pattern: RegExp) =>
    alerts.deliveries.filter(({ body }) => pattern.test((body as { text: string }).text)).length;

  it('finds nothing where all is well', async () => {
    expect(await found()).toEqual([]);
  });

  it('tells a finding once, records it, and its end', async () => {
    rmSync(join(app.data, 'live'));
    symlinkSync('slot-elsewhere', join(app.data, 'live'));
    expect([await found(), await found()]).toEqual([['drift'], ['drift']]);
    expect((await app.status()) as unknown).toMatchObject({ findings: ['drift'] });
    await app.live(a);
    expect(await found()).toEqual([]);
    await until(() => told(/drift: the link "live"/) === 1, { what: 'one alert' });
    expect(told(/drift/)).toBe(1);
  });

  it('finds files that changed, of the slot and of the contract', async () => {
    writeFileSync(join(app.data, `slot-${a.slice(0, 8)}`, 'behaviour.json'), '{"version":"other"}');
    app.contract({ max_diff_lines: 1 });
    expect(await found()).toEqual(['drift', 'contract']);
    await until(() => told(/contract: .*slot-machine\.json was changed/) === 1, { what: 'the alert' });
    await app.live(a);
    expect(await found()).toEqual(['contract']);
  });

  it('finds that main is ahead, but deploys nothing that nobody asked for', async () => {
    app.repo.commit({ version: 'B' });
    expect(await found()).toEqual(['main-ahead', 'contract']);
    expect((await app.status()).live_commit).toBe(a);
    await app.live('main');
    expect(await found()).toEqual(['contract']);
  });

  it('finds deployments that fail in a row', async () => {
    const bad = app.repo.commit({ version: 'bad', files: { 'start.sh': '#!/bin/sh\nexit 3\n' } });
    await app.deploy(bad);
    await app.deploy(bad);
    expect(await found()).toContain('failed-deploys');
    expect(told(/2 failures in a row/)).toBe(1);
    app.repo.git('reset', '--quiet', '--hard', 'HEAD~1');
  });

  it('starts a crashed app again, and tells both', async () => {
    const { slots } = await app.status();
    await app.internal('/control/crash').catch(() => undefined); // It crashes without an answer.
    const again = await until(
      async () => {
        const status = await app.status();
        return status.healthy && status.slots[0]?.pid !== slots[0]?.pid && status;
      },
      { what: 'the restart', deadlineMs: 20_000 },
    );
    expect(await app.get()).toBe('B');
    expect(again.live_slot).toBe(slots[0]?.slot);
    await until(() => told(/runs again after its crash/) === 1, { what: 'the alert' });
    expect(app.appGroups()).toHaveLength(2);
  });
});
