/** The outbox: nothing lost, told once, in order, and never in the way. */
import { Secret } from '../../src/config/secret';
import { channelsFor, parseRules, retryMs, type RoutingRule } from '../../src/domain/notification';
import { NOTIFY, type ChannelState } from '../../src/notify';
import type { LedgerEntry } from '../../src/domain/ledger';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { until } from '../support/until';
import { message, notifierOf } from './support';

let receiver: WebhookReceiver;
beforeEach(async () => void (receiver = await startWebhookReceiver()));
afterEach(() => receiver.close());

const slack = () => ({ slackUrl: new Secret(`${receiver.url}/slack`) });
const texts = () => receiver.deliveries.map(({ body }) => (body as { text: string }).text);

it('tries again with growing pauses until it is taken, and tells it once', async () => {
  const { notifier, clock, store, put, samples } = notifierOf(slack());
  receiver.answerWith({ status: 503 });
  await put(message(1));
  const pauses: number[] = [];
  for (let tries = 1; tries <= 4; tries += 1) {
    await notifier.pass();
    expect(receiver.deliveries).toHaveLength(tries);
    await expect(notifier.pass()).resolves.toBe(0);
    const [row] = (await store.notifications({ waiting: true }, 1)).items;
    pauses.push((row?.dueAt ?? 0) - clock.now());
    clock.advance(pauses.at(-1) as number);
  }
  expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(notifier.trouble()).toEqual(['slack takes no messages: it answered 503']);
  receiver.answerWith({ status: 200 });
  await notifier.pass();
  await notifier.pass();
  expect(receiver.deliveries).toHaveLength(5);
  expect(notifier.trouble()).toEqual([]);
  expect(samples.map(({ outcome }) => outcome)).toEqual(['retry', 'retry', 'retry', 'retry', 'sent']);
  await notifier.close();
});

it('waits as long as it is asked to', async () => {
  const { notifier, clock, store, put } = notifierOf(slack());
  receiver.answerWith({ status: 429, headers: { 'retry-after': '90' } });
  await put(message(1));
  await notifier.pass();
  const [row] = (await store.notifications({ waiting: true }, 1)).items;
  expect((row?.dueAt ?? 0) - clock.now()).toBe(90_000);
  await notifier.close();
});

it('gives up after a final no or at the deadline, with an entry in the ledger', async () => {
  const { notifier, clock, store, put } = notifierOf(slack());
  receiver.answerWith({ status: 404 });
  await put({ ...message(1), runId: 'run-1' });
  await notifier.pass();
  receiver.answerWith({ status: 500 });
  await put(message(2));
  clock.advance(NOTIFY.deadlineMs);
  await notifier.pass();
  const entries = (await store.ledger(0, 10)).map(({ body }) => JSON.parse(body) as LedgerEntry);
  expect(entries).toMatchObject([
    {
      ...{ action: 'notification.failed', set: { channel: 'slack', tries: 1 }, runId: 'run-1' },
      reason: 'slack: it answered 404',
    },
    { action: 'notification.failed', reason: 'slack: it answered 500' },
  ]);
  expect(entries[1]).not.toHaveProperty('runId');
  expect((await store.notifications({ waiting: true }, 10)).items).toEqual([]);
  await notifier.close();
});

it('says when a channel goes down and when it is back, once each', async () => {
  const { notifier, clock, put } = notifierOf(slack());
  const changes: ChannelState[] = [];
  notifier.onChange(async (state) => void changes.push(state));
  receiver.answerWith('drop');
  await put(message(1));
  for (let i = 0; i < 5; i += 1) {
    await notifier.pass();
    clock.advance(60_000);
  }
  expect(changes).toMatchObject([{ channel: 'slack', failures: NOTIFY.downAfter }]);
  receiver.answerWith({ status: 200 });
  await notifier.pass();
  expect(changes).toMatchObject([{ failures: NOTIFY.downAfter }, { channel: 'slack', failures: 0 }]);
  await notifier.close();
});

it('is shared by two orchestrators, of which one dies with messages in hand: each is told once or tried anew', async () => {
  const first = notifierOf(slack());
  const second = notifierOf(slack(), { store: first.store, clock: first.clock });
  for (let n = 0; n < 40; n += 1) await first.put(message(n));
  await Promise.all([first.notifier.pass(), second.notifier.pass()]);
  expect(
    texts()
      .join('\n')
      .match(/^Title/gm),
  ).toHaveLength(40);
  // Taken by a process that is gone: nobody else's until its claim is over.
  await first.put(message(99));
  const { clock, store } = first;
  await store.claimNotifications(clock.now(), clock.now() + NOTIFY.claimMs, 10, ['slack']);
  await expect(second.notifier.pass()).resolves.toBe(0);
  clock.advance(NOTIFY.claimMs);
  await expect(second.notifier.pass()).resolves.toBe(1);
  expect(texts().at(-1)).toContain('Title 99');
  await Promise.all([first.notifier.close(), second.notifier.close()]);
});

it('empties the outbox by itself, soon after it is told that there is something', async () => {
  const { notifier, clock } = notifierOf(slack());
  notifier.start();
  clock.advance(0);
  await until(() => clock.waiting > 0, { what: 'the next look' });
  await notifier.notify(message(1));
  expect(receiver.deliveries).toHaveLength(0);
  clock.advance(NOTIFY.gatherMs);
  await receiver.next();
  await notifier.close();
});

it('keeps the outbox while the record does not answer', async () => {
  const world = notifierOf(slack());
  const claimNotifications = world.store.claimNotifications.bind(world.store);
  world.store.claimNotifications = async () => Promise.reject(new Error('away'));
  await world.notifier.notify(message(1));
  world.notifier.start();
  world.clock.advance(0);
  await until(() => world.logged().includes('the record does not answer'), { what: 'the warning' });
  world.store.claimNotifications = claimNotifications;
  await until(() => world.clock.waiting > 0, { what: 'the next look' });
  world.clock.advance(NOTIFY.pollMs);
  await receiver.next();
  await world.notifier.close();
});

describe('who is told what', () => {
  const all = ['slack', 'email', 'pagerduty'] as const;
  const rulesOf = (text: string): RoutingRule[] => {
    const read = parseRules(text);
    if ('fault' in read) throw new Error(read.fault);
    return read.rules;
  };

  it.each([
    ['', 'warning', 'approval', ['slack', 'email']],
    ['', 'critical', 'error-rate', ['slack', 'email', 'pagerduty']],
    ['slack=*', 'critical', 'error-rate', ['slack']],
    ['slack=error; email=approval,wake-*', 'warning', 'wake-failing', ['email']],
    ['slack=error; email=approval', 'critical', 'x', ['slack']],
    ['slack=error; slack=info', 'info', 'x', ['slack']],
    ['slack=error', 'info', 'test', ['slack', 'email', 'pagerduty']],
  ] as const)('rules "%s": %s %s', (text, severity, kind, expected) => {
    expect(channelsFor({ severity, kind }, rulesOf(text), all)).toEqual(expected);
  });

  it('is not the channel that is down', () => {
    expect(channelsFor({ severity: 'error', kind: 'channel-down', except: 'slack' }, [], all)).toEqual([
      'email',
      'pagerduty',
    ]);
  });

  it.each(['pager=*', 'slack', 'slack=', 'slack=*=*', 'slack=UPPER'])('refuses "%s"', (text) => {
    expect(parseRules(text)).toHaveProperty('fault');
  });

  it('pauses at most ten minutes, unless asked for more', () => {
    expect([1, 2, 5, 30].map((tries) => retryMs(tries, 0.5))).toEqual([1_000, 2_000, 16_000, 600_000]);
    expect([0, 1].map((random) => retryMs(1, random))).toEqual([800, 1_200]);
    expect(retryMs(1, 0, 900_000)).toBe(900_000);
  });
});
