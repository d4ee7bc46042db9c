/** Slack as nock plays it, and the notifier that writes to it. */
import nock, { useOutside } from '../support/outside';
import { input, output, run } from '../../agents/slack-notifier/src/jobs/slack-notifier';
import { setVariables, testContext, type TestContext } from './context';

export const HOOK = 'https://hooks.slack.com/services/T000/B000/canary-9f3e';
export const TOKEN = 'xoxb-canary-77aa';
export const { origin, pathname } = new URL(HOOK);
export const API = 'https://slack.com';
export const AT_ONCE = { 'retry-after': '0' };
export const EVIL = '<!channel> & <https://evil.example|click> `x` *b* _i_ ~s~';

useOutside();
export let restore: () => void;
beforeEach(() => {
  restore = setVariables({
    SLACK_WEBHOOK_URL: HOOK,
    SLACK_BOT_TOKEN: undefined,
    SLACK_CHANNEL: undefined,
    SLACK_API_URL: undefined,
    ANTHROPIC_API_KEY: undefined,
  });
});
afterEach(() => restore());

export interface Sent {
  channel?: string;
  text: string;
  blocks: { type: string; text?: { type: string; text: string }; elements?: { text: string }[] }[];
}

export const hook = () => nock(origin).post(pathname);
export const bot = () =>
  nock(API, { reqheaders: { authorization: `Bearer ${TOKEN}` } }).post('/api/chat.postMessage');
export const asBot = () => void setVariables({ SLACK_BOT_TOKEN: TOKEN, SLACK_CHANNEL: 'C0123' });

export async function notify(given: object = { text: 'Hello' }, ctx: TestContext = testContext()) {
  return output.parse(await run(input.parse(given), ctx));
}

/** The message as it would be posted. */
export async function rendered(given: object): Promise<Sent> {
  const { text, blocks, delivered } = await notify(given, testContext({ dryRun: true }));
  expect(delivered).toBe(false);
  return { text, blocks: blocks as unknown as Sent['blocks'] };
}

export async function failure(
  ctx: TestContext = testContext(),
  given: object = { text: 'Hello' },
): Promise<string> {
  const outcome = await run(input.parse(given), ctx).catch((error: Error) => error);
  if (!(outcome instanceof Error)) throw new Error('it did not fail');
  expect(JSON.stringify([outcome.message, ctx.logs, ctx.actions])).not.toContain('canary');
  return outcome.message;
}
