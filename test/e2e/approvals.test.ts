/** Agents that propose before they act, and the people who say yes, no or not like this. */
import type { Orchestrator } from '../../src/compose';
import type { RegistryInput } from '../../src/registry';
import { leakCheck, type LeakCheck } from '../support/leaks';
import { signatureFault } from '../../src/standard-webhooks';
import { startSmtpSink, type SmtpSink } from '../support/smtp-sink';
import { until } from '../support/until';
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver';
import { allAsleep, ended, outputOf, stepIs, succeeded } from './support/runs';
import { World } from './support/world';

type WorkflowInput = RegistryInput['workflows'][number];

/** One key each, so that they are told apart. */
const KEYS = { anna: 'a'.repeat(32), ben: 'b'.repeat(32), cleo: 'c'.repeat(32) };
type Person = keyof typeof KEYS;

const one = (id: string, agent: string): WorkflowInput => ({
  id,
  name: id,
  steps: [{ id: 'do', agent, timeoutSeconds: 30 }],
});

const SECRET = 's'.repeat(32);

/** Every channel of the people who decide, all of them on this machine. */
const channels = (base: string, smtpPort: number): Record<string, string> => ({
  NOTIFY_SLACK_URL: `${base}/slack`,
  ...{ NOTIFY_TELEGRAM_TOKEN: '1:x', NOTIFY_TELEGRAM_CHAT: '42', NOTIFY_TELEGRAM_API: base },
  ...{ NOTIFY_WEBHOOK_URL: `${base}/signed`, NOTIFY_WEBHOOK_SECRET: SECRET },
  NOTIFY_SMTP_URL: `smtp://me:x@127.0.0.1:${smtpPort}`,
  ...{ NOTIFY_EMAIL_FROM: 'reveille@example.com', NOTIFY_EMAIL_TO: 'people@example.com' },
});

const AT = '2026-01-01T00:00:00Z';
const post = (more: object = {}) => ({ type: 'post', platform: 'web', at: AT, ...more });

interface Memo {
  id: string;
  state: string;
  rules: string[];
  round: number;
  costUsd: number;
  onNo: string;
  decisions: Array<{ by: string; verdict: string }>;
  links: { page: string };
}

describe('agents that are overseen', () => {
  let leaks: LeakCheck;
  let world: World;
  let orchestrator: Orchestrator;
  let receiver: WebhookReceiver;
  let smtp: SmtpSink;

  beforeAll(async () => {
    leaks = leakCheck();
    const supervised = { mode: 'supervised' as const };
    world = await World.start({
      agents: [
        { id: 'alpha', oversight: supervised },
        { id: 'beta', oversight: { mode: 'autonomous', quorum: 2 } },
        { id: 'gamma' },
        { id: 'hasty', oversight: { ...supervised, expireSeconds: 1, escalateSeconds: 1 } },
        { id: 'patient', oversight: { ...supervised, expireSeconds: 300, escalateSeconds: 1 } },
        { id: 'novice', oversight: { mode: 'by-rule', promoteAfter: 2 } },
        { id: 'stubborn', oversight: { ...supervised, onReject: 'propose-again', maxRounds: 2 } },
      ],
      workflows: [
        ...['alpha', 'beta', 'gamma', 'hasty', 'patient', 'novice', 'stubborn'].map((id) =>
          one(`by-${id}`, id),
        ),
        { id: 'word', name: 'word', steps: [{ id: 'do', approval: { title: 'Go on?', quorum: 2 } }] },
      ],
    });
    [receiver, smtp] = await Promise.all([startWebhookReceiver(), startSmtpSink()]);
    const told = channels(new URL(receiver.url).origin, smtp.port);
    orchestrator = await world.orchestrate({ env: { API_KEYS: Object.values(KEYS).join(','), ...told } });
  });

  afterEach(() => allAsleep(world, orchestrator));

  afterAll(async () => {
    await world.close();
    await Promise.all([receiver.close(), smtp.close()]);
    await leaks.backToBaseline();
  });

  const as = async (person: Person, method: string, path: string, body?: unknown) => {
    const response = await fetch(`${orchestrator.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${KEYS[person]}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };
  const start = async (agent: string, report: object | object[], workflow = `by-${agent}`) => {
    const { body } = await as('anna', 'POST', `/workflows/${workflow}/runs`, {
      input: { report: { do: report } },
    });
    return body.id as string;
  };
  const memosOf = async (runId: string, state = 'any') =>
    (await as('ben', 'GET', `/approvals?runId=${runId}&state=${state}`)).body.items as Memo[];
  const asked = (runId: string) =>
    until(async () => (await memosOf(runId, 'requested'))[0], { what: 'a memo that waits' });
  const decide = (person: Person, { id }: Pick<Memo, 'id'>, verdict: string, comment?: string) =>
    as(person, 'POST', `/approvals/${id}/decision`, { verdict, ...(comment !== undefined && { comment }) });
  const jobs = (runId: string) => world.work(runId).filter((w) => w.event === 'job');
  const level = async (agentId: string) => (await as('ben', 'GET', `/agents/${agentId}/oversight`)).body;

  const at = (path: string) => receiver.deliveries.filter((delivery) => delivery.path.startsWith(path));
  /** Waits until people have read some words on each channel. */
  const everywhere = (words: string) =>
    until(
      () => {
        const chats = ['/slack', '/bot', '/signed'].map((path) => at(path).map(({ raw }) => raw.toString()));
        // Mails break long lines.
        const mails = smtp.mails.map(({ raw }) => raw.replaceAll('=\r\n', ''));
        return [...chats, mails].every((texts) => texts.some((text) => text.includes(words)));
      },
      { what: `"${words}" on every channel` },
    );

  test('tell people on every channel, again when nobody decides, with the way to the page, and how it ended', async () => {
    const runId = await start('patient', { actions: [post()] });
    const memo = await asked(runId);
    await everywhere(`${orchestrator.url}${memo.links.page}`);
    await everywhere('Nobody has decided yet.');
    const [signed] = at('/signed');
    const header = (name: string) => String(signed?.headers[`webhook-${name}`]);
    const given = { id: header('id'), timestamp: header('timestamp'), signatures: header('signature') };
    expect(signatureFault(given, signed?.raw ?? Buffer.alloc(0), [SECRET], Date.now())).toBeUndefined();
    const [url = ''] = /http:\S+\/page/.exec((at('/slack')[0]?.body as { text: string }).text) ?? [];
    const page = await fetch(url, { headers: { authorization: `Bearer ${KEYS.ben}` } });
    expect(await page.text()).toContain('May patient post?');
    expect(await memosOf(runId)).toMatchObject([{ state: 'requested', decisions: [] }]);
    await decide('ben', memo, 'approve', 'go ahead');
    await succeeded(orchestrator, runId);
    await everywhere('go ahead');
    expect(at('/slack').filter(({ raw }) => raw.includes('Nobody has decided yet.'))).toHaveLength(1);
  });

  test('propose, sleep while people think, and act with what they said', async () => {
    const runId = await start('alpha', { actions: [post({ costUsd: 2 })], confidence: 0.95 });
    const memo = await asked(runId);
    expect(memo).toMatchObject({ kind: 'action', rules: ['supervised', 'first-time'], costUsd: 2 });
    await allAsleep(world, orchestrator);
    expect(jobs(runId).map((w) => w.dryRun)).toEqual([true]);

    expect(await decide('anna', memo, 'approve')).toMatchObject({
      status: 403,
      body: { code: 'own-approval' },
    });
    const page = await fetch(`${orchestrator.url}${memo.links.page}`, {
      headers: { authorization: `Bearer ${KEYS.ben}` },
    });
    expect(await page.text()).toContain('May alpha post?');
    expect(await memosOf(runId)).toMatchObject([{ state: 'requested', decisions: [] }]);

    expect(await decide('ben', memo, 'approve', 'fine')).toMatchObject({
      status: 200,
      body: { state: 'approved' },
    });
    const run = await ended(orchestrator, runId);
    expect(run.status).toBe('succeeded');
    expect(run.steps[0]?.history.map((h) => h.kind ?? 'act')).toEqual(['proposal', 'approval', 'act']);
    const [, act] = jobs(runId);
    expect(act).toMatchObject({ attempt: 3, input: { approval: { memoId: memo.id, comment: 'fine' } } });
    expect(act).not.toHaveProperty('dryRun');
    expect(await outputOf(orchestrator, runId, 'do')).toMatchObject({ do: 'done' });
    const again = await decide('cleo', memo, 'reject');
    expect(again).toMatchObject({ status: 409, body: { code: 'nothing-to-decide' } });
  });

  test('do nothing after a no', async () => {
    const runId = await start('alpha', { actions: [post()] });
    await decide('ben', await asked(runId), 'reject', 'not today');
    const run = await ended(orchestrator, runId);
    expect(run).toMatchObject({ status: 'failed', error: { kind: 'declined' } });
    expect(run.error?.message).toContain('not today');
    expect(jobs(runId).map((w) => w.dryRun)).toEqual([true]);
    expect(await outputOf(orchestrator, runId, 'do')).toBeUndefined();
  });

  test('propose anew when something is sent back, knowing why', async () => {
    const runId = await start('alpha', { actions: [post()] });
    const first = await asked(runId);
    expect(await decide('ben', first, 'revise')).toMatchObject({
      status: 400,
      body: { code: 'invalid-request' },
    });
    await decide('ben', first, 'revise', 'shorter');
    const second = await asked(runId);
    expect(second).toMatchObject({ round: 2 });
    expect(jobs(runId)[1]).toMatchObject({
      dryRun: true,
      input: { revision: { comment: 'shorter', round: 2 } },
    });
    await decide('ben', second, 'approve');
    await succeeded(orchestrator, runId);
    expect(jobs(runId)).toHaveLength(3);
  });

  test('find an alternative after a no where the registry says so, as often as it allows', async () => {
    const runId = await start('stubborn', { actions: [post()] });
    const first = await asked(runId);
    expect(first.onNo).toContain('proposes something else');
    await decide('ben', first, 'reject', 'never');
    const second = await asked(runId);
    expect(second.onNo).toContain('the step fails');
    // Proposals and waits are numbered without being tries: the last of these numbers is none beyond the count.
    const shown = (await as('ben', 'GET', `/runs/${runId}`)).body as {
      steps: Array<{ attempt: number; maxAttempts: number }>;
    };
    const [step] = shown.steps;
    expect(step?.maxAttempts).toBeGreaterThanOrEqual(step?.attempt ?? Infinity);
    expect(jobs(runId)[1]?.input).toMatchObject({ revision: { verdict: 'reject', comment: 'never' } });
    expect(await decide('ben', second, 'revise', 'once more')).toMatchObject({
      body: { code: 'nothing-to-revise' },
    });
    await decide('ben', second, 'reject');
    expect(await ended(orchestrator, runId)).toMatchObject({ status: 'failed', error: { kind: 'declined' } });
  });

  test('wait for as many people as it takes, each with one vote', async () => {
    const runId = await start('beta', { actions: [post({ costUsd: 1_000 })] });
    const memo = await asked(runId);
    expect(memo.rules).toEqual(['first-time', 'spend']);
    expect(await decide('ben', memo, 'approve')).toMatchObject({ body: { state: 'requested' } });
    expect(await decide('ben', memo, 'approve')).toMatchObject({
      status: 409,
      body: { code: 'voted-already' },
    });
    expect(jobs(runId)).toHaveLength(1);
    expect(await decide('cleo', memo, 'approve')).toMatchObject({ body: { state: 'approved' } });
    await succeeded(orchestrator, runId);

    const next = await start('beta', { actions: [post()], confidence: 0.9 });
    await succeeded(orchestrator, next);
    expect(jobs(next).map((w) => w.dryRun)).toEqual([true, undefined]);
    expect(await memosOf(next)).toEqual([]);
  });

  test('take silence for a no', async () => {
    const runId = await start('hasty', { actions: [post()] });
    expect(await ended(orchestrator, runId)).toMatchObject({ status: 'failed', error: { kind: 'declined' } });
    expect(await memosOf(runId)).toMatchObject([{ state: 'expired' }]);
    await everywhere('Nobody decided in time, which is a no');
    expect(jobs(runId)).toHaveLength(1);
  });

  test('ask no longer when their run is cancelled', async () => {
    const runId = await start('alpha', { actions: [post()] });
    const memo = await asked(runId);
    await as('anna', 'POST', `/runs/${runId}/cancel`, {});
    expect((await ended(orchestrator, runId)).status).toBe('cancelled');
    expect(await memosOf(runId)).toMatchObject([{ id: memo.id, state: 'withdrawn' }]);
    expect(await decide('ben', memo, 'approve')).toMatchObject({ status: 409 });
  });

  test('are decided on from the page that a link opens, by who is logged in', async () => {
    const runId = await start('alpha', { actions: [post()] });
    const memo = await asked(runId);
    const url = `${orchestrator.url}${memo.links.page}`;
    const send = (form: Record<string, string>, headers: Record<string, string> = {}) =>
      fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual', headers });

    const stranger = await fetch(url);
    expect(stranger.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(await stranger.text()).not.toContain('alpha');
    expect((await send({ key: 'x'.repeat(32) })).status).toBe(401);
    expect((await send({ verdict: 'approve', csrf: '' })).status).toBe(401);

    const login = await send({ key: KEYS.ben });
    expect(login.status).toBe(303);
    const cookie = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const page = await (await fetch(url, { headers: { cookie } })).text();
    const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
    expect(page).not.toContain('<script');
    expect((await send({ verdict: 'approve', csrf: 'guess' }, { cookie })).status).toBe(403);
    const elsewhere = { cookie, origin: 'https://elsewhere.example' };
    expect((await send({ verdict: 'approve', csrf }, elsewhere)).status).toBe(403);
    expect((await send({ verdict: 'maybe', csrf }, { cookie })).status).toBe(400);
    expect(await memosOf(runId)).toMatchObject([{ state: 'requested', decisions: [] }]);

    expect((await send({ verdict: 'approve', csrf, comment: '<b>fine</b>' }, { cookie })).status).toBe(303);
    await succeeded(orchestrator, runId);
    const after = await (await fetch(url, { headers: { cookie } })).text();
    expect(after).toContain('&lt;b&gt;fine&lt;/b&gt;');
    expect((await send({ verdict: 'reject', csrf }, { cookie })).status).toBe(409);
  });

  test('are promoted by what goes well, and fall back when they do more than they said', async () => {
    const runId = await start('novice', { actions: [post(), post()], confidence: 0.9 });
    await decide('ben', await asked(runId), 'approve');
    await ended(orchestrator, runId);
    await until(async () => (await level('novice')).reason === '2 supervised actions went well');
    expect(await level('novice')).toMatchObject({ level: 'autonomous', mode: 'by-rule', known: ['post'] });

    const more = await start('novice', [
      { actions: [post()], confidence: 0.9 },
      { actions: [post({ costUsd: 5 }), post()], confidence: 0.9 },
    ]);
    await succeeded(orchestrator, more);
    const incident = { incidents: 1, lastIncident: { runId: more } };
    await until(async () => (await level('novice')).reason?.toString().startsWith('incident: '));
    expect(await level('novice')).toMatchObject({ level: 'supervised', supervisedActions: 0, ...incident });
    const { items } = (await as('ben', 'GET', '/alerts')).body as {
      items: Array<{ kind: string; subject: string }>;
    };
    expect(items.filter((a) => a.subject === 'novice')).toMatchObject([{ kind: 'agent-incident' }]);
  });

  test('that are not overseen act, and are told on', async () => {
    const runId = await start('gamma', { actions: [post({ reach: 500 })] });
    await succeeded(orchestrator, runId);
    expect(jobs(runId)).toHaveLength(1);
    await until(async () => (await level('gamma')).incidents === 1);
    expect(await level('gamma')).toMatchObject({ mode: null, known: [] });
    expect((await level('gamma')).lastIncident).toHaveProperty('text', expect.stringContaining('500 people'));
  });

  test('a step of a workflow is decided by its quorum, and nobody approves their own', async () => {
    const runId = await start('', {}, 'word');
    await stepIs(orchestrator, runId, 'do', 'parked');
    const path = `/runs/${runId}/steps/do/decision`;
    expect(await as('anna', 'POST', path, { approve: true })).toMatchObject({ status: 403 });
    expect(await as('ben', 'POST', path, { approve: true })).toMatchObject({ status: 200 });
    await stepIs(orchestrator, runId, 'do', 'parked');
    expect(await as('cleo', 'POST', path, { approve: true, comment: 'yes' })).toMatchObject({ status: 200 });
    await succeeded(orchestrator, runId);
    expect(await outputOf(orchestrator, runId, 'do')).toMatchObject({ approved: true, comment: 'yes' });
  });
});
