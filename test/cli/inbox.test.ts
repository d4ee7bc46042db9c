/** `reveille inbox` as a person types it, over two orchestrators that share a real Postgres. */
import { resolve } from 'node:path';
import type { Orchestrator } from '../../src/compose';
import { World } from '../e2e/support/world';
import { ended, trigger } from '../e2e/support/runs';
import { freePort } from '../support/ports';
import { useProcesses, type TestProcess } from '../support/processes';
import { until } from '../support/until';
import { startWebhookReceiver } from '../support/webhook-receiver';

const CLI = resolve(__dirname, '../../dist/cli/index.js');
const KEY = 'key-canary-0123456789abcdef';
const SECRET = 'agent-secret-canary-0123456789';

const RESULT = {
  workflowId: 'test',
  stepId: 'my-new-step',
  runId: '00000000-0000-0000-0000-000000000001',
  status: 'success',
  output: {},
  durationMs: 5,
};

const processes = useProcesses();
let world: World;
/** The inbox is written by one orchestrator and read from the other. */
let first: Orchestrator;
let second: Orchestrator;
beforeAll(async () => {
  world = await World.start({
    agents: [{ id: 'alpha', env: { AGENT_SECRET: SECRET }, secret: SECRET }],
    workflows: [{ id: 'one', name: 'One', steps: [{ id: 'do-alpha', agent: 'alpha' }] }],
  });
  first = await world.orchestrate({ env: { INBOX: 'on' } });
  second = await world.orchestrate({ env: { INBOX: 'on', API_KEYS: KEY, HOST: '127.0.0.1' } });
});
afterAll(() => world.close());
afterEach(() => first.store.clearDeliveries());

interface Ended {
  code: number | null;
  text: string;
}

const start = (args: string[], env: Record<string, string | undefined> = {}): Promise<TestProcess> =>
  processes.start(process.execPath, [CLI, 'inbox', ...args], {
    env: { NO_COLOR: '1', REVEILLE_URL: second.url, REVEILLE_API_KEY: KEY, AGENT_SECRET: undefined, ...env },
  });
async function inbox(args: string[], env: Record<string, string | undefined> = {}): Promise<Ended> {
  const child = await start(args, env);
  const { code } = await child.exited;
  return { code, text: child.output() };
}

const send = async (path: string, body: unknown, base = first.url): Promise<string> => {
  const response = await fetch(base + path, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return ((await response.json()) as { id: string }).id;
};
/** Written by the one orchestrator, to be seen by the other. */
const arrived = (count: number, bin?: string) =>
  until(
    async () => (await second.store.deliveries(bin === undefined ? {} : { bin }, 50)).items.length >= count,
    {
      what: `${count} deliveries`,
    },
  );

/** A run whose result came to the webhook. */
async function deliveredRun(): Promise<string> {
  const runId = await trigger(first, 'one');
  await ended(first, runId);
  await until(
    async () =>
      (await second.store.deliveries({ bin: 'webhook' }, 50)).items.some((d) => d.about.runId === runId),
    { what: 'the delivery of the run' },
  );
  return runId;
}

describe('the list', () => {
  it('shows newest first what came, with its verdict', async () => {
    await send('/inbox/mine', RESULT);
    await arrived(1);
    await send('/inbox/mine', { ...RESULT, status: 'done' });
    await send('/webhook?token=a.b', RESULT);
    await arrived(3);
    const { code, text } = await inbox([]);
    expect(code).toBe(0);
    const lines = text.trim().split('\n');
    expect(lines[0]).toMatch(/^time +id +bin +verdict +answer +size +what$/);
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toMatch(/mine +ok +200 +\d+ B +success, step my-new-step, run 00000000-/);
    expect(text).toMatch(/misshapen .* status: done, expected "success" or "error" or "timeout"/);
    expect(text).toMatch(/webhook +refused +401 .*callback-forged/);
  });

  it('takes a bin, a verdict and a number, and prints JSON', async () => {
    for (const bin of ['a', 'a', 'b']) await send(`/inbox/${bin}`, RESULT);
    await send('/inbox/a', {});
    await arrived(4);
    const { text } = await inbox(['--bin', 'a', '--verdict', 'ok', '-n', '1', '--json']);
    const items = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { bin: string; verdict: string });
    expect(items.map((d) => [d.bin, d.verdict])).toEqual([['a', 'ok']]);
  });

  it('says so when it is empty', async () => {
    expect((await inbox([])).text).toMatch(/Nothing was delivered there/);
  });

  it('goes on with what comes, each once, until it is interrupted', async () => {
    const before = await send('/inbox/mine', RESULT);
    await arrived(1);
    const child = await start(['--follow']);
    await child.waitFor(new RegExp(before.slice(0, 8)));
    const after = await send('/inbox/mine', { ...RESULT, status: 'error' });
    await child.waitFor(new RegExp(`${after.slice(0, 8)} .*error`));
    const last = await send('/inbox/mine', RESULT);
    await child.waitFor(new RegExp(last.slice(0, 8)));
    child.kill('SIGINT');
    expect((await child.exited).code).toBe(0);
    expect(child.output().match(/^\d\d:\d\d:\d\d/gm)).toHaveLength(3);
  });
});

describe('one delivery', () => {
  it('is shown with verdicts, headers and body, by a part of its id', async () => {
    const id = await send('/inbox/mine', { ...RESULT, durationMs: 'long', 'evil\u001b[2J': 1 });
    await arrived(1);
    const { code, text } = await inbox(['show', id.slice(0, 6)]);
    expect(code).toBe(0);
    expect(text).toMatch(/^POST \/inbox\/mine$/m);
    expect(text).toMatch(/✗ durationMs {2}long, expected number/);
    expect(text).toMatch(/content-type: application\/json/);
    expect(text).toContain('"workflowId": "test"');
    expect(text).not.toContain('\u001b');
    const last = await inbox(['show', 'last', '--json']);
    expect(JSON.parse(last.text)).toMatchObject({ id, bin: 'mine', bodyEncoding: 'utf8' });
  });

  it('shows no secret of the run it belongs to', async () => {
    const runId = await deliveredRun();
    const { items } = await second.store.deliveries({ bin: 'webhook' }, 50);
    const shown = await Promise.all(items.map(({ id }) => inbox(['show', id])));
    const text = shown.map((s) => s.text).join('');
    expect(text).toContain(runId);
    expect(text).toContain('/webhook?token=«redacted»');
    expect(text).not.toContain('canary');
  });

  it('that is not there, or named wrongly, ends with a sentence', async () => {
    expect(await inbox(['show', '00000000'])).toMatchObject({
      code: 3,
      text: expect.stringMatching(/^There is no delivery 00000000\./) as string,
    });
    expect(await inbox(['show', 'zz'])).toMatchObject({
      code: 2,
      text: expect.stringMatching(/is no id/) as string,
    });
  });
});

describe('a replay', () => {
  it('of a result that counted says that nothing changed', async () => {
    const runId = await deliveredRun();
    const found = (await second.store.deliveries({ bin: 'webhook' }, 50)).items.find((d) => d.proved);
    const { code, text } = await inbox(['replay', found?.id ?? '']);
    expect([code, text]).toEqual([0, expect.stringMatching(`^duplicate: it was known already.*${runId}`)]);
  });

  it('of anything else is refused, with what to do', async () => {
    const id = await send('/inbox/mine', RESULT);
    await arrived(1);
    const { code, text } = await inbox(['replay', id]);
    expect(code).toBe(1);
    expect(text).toMatch(/cannot be applied again .*delivery-not-replayable/);
    expect(text).toMatch(/It came to a bin/);
    expect(text).toMatch(/--to URL/);
  });

  it('elsewhere sends the same bytes and signature, from here', async () => {
    await deliveredRun();
    const found = (await second.store.deliveries({ bin: 'webhook' }, 50)).items.find((d) => d.proved);
    const kept = await second.store.delivery(found?.id ?? '');
    const receiver = await startWebhookReceiver();
    try {
      receiver.answerWith({ status: 422, body: { no: 'thanks' } });
      const { code, text } = await inbox(['replay', found?.id ?? '', '--to', receiver.url]);
      expect([code, text]).toEqual([1, 'HTTP 422 {"no":"thanks"}\n']);
      const { raw, headers } = await receiver.next();
      expect(raw).toEqual(kept?.body);
      expect(headers['webhook-signature']).toBe(kept?.headers['webhook-signature']);
      expect(headers.authorization).toBeUndefined();
    } finally {
      await receiver.close();
    }
    const { code, text } = await inbox(['replay', found?.id ?? '', '--to', receiver.url]);
    expect([code, text]).toEqual([
      1,
      expect.stringMatching(/could not be sent to .*: nothing listens there/),
    ]);
  });
});

it('clears a bin', async () => {
  await send('/inbox/mine', RESULT);
  await send('/inbox/other', RESULT);
  await arrived(2);
  expect(await inbox(['clear', '--bin', 'mine'])).toEqual({ code: 0, text: '1 delivery removed\n' });
  expect((await second.store.deliveries({}, 10)).items.map((d) => d.bin)).toEqual(['other']);
});

describe('what can be wrong', () => {
  it('is said when nothing listens', async () => {
    const { code, text } = await inbox(['--url', `http://127.0.0.1:${await freePort()}`]);
    expect(code).toBe(8);
    expect(text).toMatch(/No orchestrator answers at .*: nothing listens there\./);
    expect(text).toMatch(/npm start/);
  });

  it('is said when the key is missing or wrong, and never shows it', async () => {
    const missing = await inbox([], { REVEILLE_API_KEY: undefined });
    expect([missing.code, missing.text]).toEqual([
      4,
      expect.stringMatching(/HTTP 401, unauthorized[^]*REVEILLE_API_KEY/),
    ]);
    const wrong = await inbox([], { REVEILLE_API_KEY: 'wrong-canary-key' });
    expect([wrong.code, wrong.text]).toEqual([4, expect.not.stringContaining('canary')]);
    expect((await inbox([], { REVEILLE_API_KEY: 'two words' })).code).toBe(2);
  });

  it('is said when the inbox is off', async () => {
    const off = await world.orchestrate({ env: { INBOX: 'off' } });
    const { code, text } = await inbox([], { REVEILLE_URL: off.url });
    await world.stop(off);
    expect([code, text]).toEqual([3, expect.stringMatching(/The inbox is off[^]*INBOX=on/)]);
  });

  it('is said when it is no orchestrator', async () => {
    const receiver = await startWebhookReceiver();
    const { code, text } = await inbox(['--url', receiver.url]);
    await receiver.close();
    expect([code, text]).toEqual([8, expect.stringMatching(/Is it a Reveille orchestrator\?/)]);
  });

  it('is a usage error where a command is no command, or an option takes something else', async () => {
    const wrong = [['--number', '0'], ['--verdict', 'x'], ['--url', 'ftp://x'], ['nonsense'], ['show']];
    const codes = await Promise.all(wrong.map(async (args) => [args, (await inbox(args)).code]));
    expect(codes).toEqual(wrong.map((args) => [args, 2]));
  });
});

describe('serve', () => {
  it('prints what comes, answers the same questions, and ends on Ctrl-C', async () => {
    const port = await freePort();
    const child = await start(['serve', '--port', String(port)], { AGENT_SECRET: SECRET });
    await child.waitFor(/Inbox at/);
    const url = `http://127.0.0.1:${port}`;
    await send('/any/path?token=canary', { ...RESULT, output: [] }, url);
    await child.waitFor(/POST \/any\/path\?token=«redacted»/);
    await child.waitFor(/signature +none[^]*is no AgentRunResult[^]*✗ output {2}\[\], expected object/);
    const bin = await send('/inbox/my-test', RESULT, url);
    const listed = await inbox(['--url', url, '--bin', 'my-test']);
    expect(listed.text).toContain(bin.slice(0, 8));
    expect((await inbox(['show', bin, '--url', url])).text).toContain('"my-new-step"');
    expect((await inbox(['serve', '--port', String(port)])).code).toBe(2);
    const claim = await fetch(`${url}/webhook/claim`, { method: 'POST', body: '{"secret": "canary"}' });
    expect(claim.status).toBe(204);
    child.kill('SIGINT');
    expect((await child.exited).code).toBe(0);
    expect(child.output()).not.toContain('canary');
  });
});
