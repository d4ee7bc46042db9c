/** Posts one message to Slack: a text, blocks, or the report of the SEO analyser. */
import type { JobContext } from '../contract';
import { postAsBot } from './slack/bot';
import { Unconfirmed } from './slack/post';
import { render, type Message } from './slack/render';
import { Input, Output, type Receipt } from './slack/schema';
import { postToWebhook } from './slack/webhook';

export const input = Input;
export const output = Output;

const API_URL = 'https://slack.com/api';

type Way = { via: 'webhook' | 'bot'; post: (message: Message) => Promise<Receipt> };

/**
 * On a dry run nothing is posted, and no credentials are needed: the message comes back as it would look.
 * @throws naming the variable that is missing or that Slack's answer is about
 */
export async function run(given: Input, ctx: JobContext): Promise<Output> {
  const message = render(given);
  if (ctx.dryRun) return { delivered: false, ...message };
  const { via, post } = chooseWay(ctx);
  const at = new Date().toISOString();
  try {
    const receipt = await post(message);
    ctx.action({ type: 'message.sent', platform: 'slack', at });
    return { delivered: true, via, ...receipt, ...message };
  } catch (error) {
    // It may be there: whoever counts messages has to count it.
    if (error instanceof Unconfirmed) ctx.action({ type: 'message.unconfirmed', platform: 'slack', at });
    throw error;
  }
}

/** A bot's token goes first, because it brings a receipt. */
function chooseWay({ signal, log }: JobContext): Way {
  const token = process.env.SLACK_BOT_TOKEN?.trim();
  const channel = process.env.SLACK_CHANNEL?.trim();
  const webhookUrl = process.env.SLACK_WEBHOOK_URL?.trim();
  if (token) {
    if (!channel)
      throw new Error("SLACK_CHANNEL: is not set, and SLACK_BOT_TOKEN needs it; set it to the channel's id");
    const apiUrl = (process.env.SLACK_API_URL || API_URL).replace(/\/+$/, '');
    return { via: 'bot', post: (message) => postAsBot({ apiUrl, token, channel }, message, { signal, log }) };
  }
  if (webhookUrl)
    return { via: 'webhook', post: (message) => postToWebhook(webhookUrl, message, { signal, log }) };
  throw new Error(
    'SLACK_WEBHOOK_URL: is not set; set it to an incoming webhook, or set SLACK_BOT_TOKEN and SLACK_CHANNEL',
  );
}
