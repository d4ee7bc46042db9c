/** What each channel sends, over real connections to servers of this machine. */
import { signatureFault } from '../../src/standard-webhooks';
import { startSmtpSink, type SmtpSink } from '../support/smtp-sink';
import { startWebhookReceiver, type Delivery, type WebhookReceiver } from '../support/webhook-receiver';
import { CANARY, everyChannel, message, notifierOf, type NotifierWorld } from './support';

let receiver: WebhookReceiver;
let smtp: SmtpSink;
let world: NotifierWorld;
beforeEach(async () => {
  [receiver, smtp] = await Promise.all([startWebhookReceiver(), startSmtpSink()]);
  world = notifierOf(everyChannel(new URL(receiver.url).origin, smtp.port));
});
afterEach(async () => {
  await world.notifier.close();
  await Promise.all([receiver.close(), smtp.close()]);
});

const at = (path: string): Delivery => {
  const found = receiver.deliveries.find((delivery) => delivery.path.startsWith(path));
  if (!found) throw new Error(`nothing came to ${path}`);
  return found;
};

it('tells every channel in its own way, once', async () => {
  const links = [{ text: 'Run', url: 'https://reveille.example/runs/1' }];
  const told = message(1, { state: 'open', text: 'less < more & <!channel>', fields: { run: '1' }, links });
  await expect(world.notifier.notify(told)).resolves.toBe(5);
  await expect(world.notifier.notify(told)).resolves.toBe(0);
  await expect(world.notifier.pass()).resolves.toBe(5);
  await expect(world.notifier.pass()).resolves.toBe(0);
  expect(receiver.deliveries).toHaveLength(4);
  const link = 'Run: https://reveille.example/runs/1';
  expect(at('/slack/').body).toEqual({
    text: `⚠ Title 1\nless &lt; more &amp; &lt;!channel&gt;\nrun: 1\n${link}`,
  });
  expect(at(`/bot${CANARY}/sendMessage`).body).toEqual({
    chat_id: '42',
    text: `⚠ Title 1\nless < more & <!channel>\nrun: 1\n${link}`,
    link_preview_options: { is_disabled: true },
  });
  expect(smtp.mails).toHaveLength(1);
  expect(smtp.mails[0]).toMatchObject({
    from: 'reveille@example.com',
    to: ['people@example.com'],
    user: 'me',
  });
  expect(smtp.mails[0]?.raw).toMatch(/^Subject: \[Reveille\] Title 1\r$/m);
  expect(world.samples.map(({ channel, outcome }) => `${channel} ${outcome}`).sort()).toEqual(
    ['email', 'pagerduty', 'slack', 'telegram', 'webhook'].map((channel) => `${channel} sent`),
  );
});

it('signs what its own webhook gets, and keys incidents so that their end resolves them', async () => {
  const thread = 'missed-tick:weekly';
  await world.notifier.notify(message(1, { state: 'open', thread }));
  await world.notifier.notify(message(2, { state: 'over', thread }));
  await world.notifier.pass();
  const signed = at('/signed');
  const headers = {
    id: String(signed.headers['webhook-id']),
    timestamp: String(signed.headers['webhook-timestamp']),
    signatures: String(signed.headers['webhook-signature']),
  };
  expect(signatureFault(headers, signed.raw, [CANARY], world.clock.now())).toBeUndefined();
  expect(signatureFault(headers, signed.raw, ['another'], world.clock.now())).toMatch(/another secret/);
  expect(signed.body).toMatchObject({
    type: 'reveille.missed-tick',
    data: { title: 'Title 1', text: 'Text 1', severity: 'error', state: 'open', thread },
  });
  const events = receiver.deliveries.filter(({ path }) => path === '/v2/enqueue').map(({ body }) => body);
  expect(events).toMatchObject([
    {
      routing_key: CANARY,
      event_action: 'trigger',
      dedup_key: thread,
      payload: { summary: 'Title 1: Text 1', severity: 'error', source: 'http://reveille.test' },
    },
    { event_action: 'resolve', dedup_key: thread },
  ]);
});

it('tells what came together together, where a channel can', async () => {
  for (const n of [1, 2, 3]) await world.notifier.notify(message(n));
  await world.notifier.pass();
  const slack = receiver.deliveries.filter(({ path }) => path.startsWith('/slack/'));
  expect(slack.map(({ body }) => body)).toEqual([
    { text: 'Title 1\nText 1\n\nTitle 2\nText 2\n\nTitle 3\nText 3' },
  ]);
  expect(smtp.mails.map(({ raw }) => /^Subject: (.*)\r$/m.exec(raw)?.[1])).toEqual([
    '[Reveille] Title 1 (and 2 more)',
  ]);
  expect(receiver.deliveries.filter(({ path }) => path === '/v2/enqueue')).toHaveLength(3);
});

it('follows no redirect, and says nothing of addresses and tokens when it fails', async () => {
  receiver.answerWith({ status: 302, headers: { location: receiver.url } });
  smtp.refuseWith(554);
  await world.notifier.notify(message(1));
  await world.notifier.pass();
  expect(receiver.deliveries).toHaveLength(4);
  const { items } = await world.store.notifications({}, 10);
  expect(items.map(({ channel, outcome, error }) => `${channel} ${outcome}: ${error}`).sort()).toEqual([
    'email failed: the server answered 554',
    'pagerduty failed: it answered 302',
    'slack failed: it answered 302',
    'telegram failed: it answered 302',
    'webhook failed: it answered 302',
  ]);
  const told = JSON.stringify([items, await world.store.ledger(0, 100), world.notifier.trouble()]);
  expect(world.logged()).toContain('slack did not take a message (it answered 302)');
  expect(told + world.logged()).not.toContain(CANARY);
});

it('sends a test message, of which nothing is kept', async () => {
  receiver.answerWith(({ path }) => ({ status: path.startsWith('/slack') ? 404 : 200 }));
  const outcomes = await world.notifier.test('Can you read this?');
  expect(outcomes).toMatchObject([
    { channel: 'slack', ok: false, error: 'it answered 404' },
    { channel: 'telegram', ok: true },
    { channel: 'email', ok: true },
    { channel: 'webhook', ok: true },
    { channel: 'pagerduty', ok: true },
  ]);
  await expect(world.notifier.test('again', 'email')).resolves.toMatchObject([
    { channel: 'email', ok: true },
  ]);
  expect(smtp.mails).toHaveLength(2);
  expect((await world.store.notifications({}, 10)).items).toEqual([]);
});
