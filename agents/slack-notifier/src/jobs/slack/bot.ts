/** Posts as a bot, by chat.postMessage: https://docs.slack.dev/reference/methods/chat.postMessage */
import * as z from 'zod';
import { readText, send, Unconfirmed, type Answer, type Sending } from './post';
import type { Message } from './render';
import type { Receipt } from './schema';

const TOKEN = 'SLACK_BOT_TOKEN';
const CHANNEL = 'SLACK_CHANNEL';
const PERMALINK_MS = 5000;

/** Slack's errors: the variable to mend, and how. */
const MENDS: Record<string, [variable: string, mend: string]> = {
  not_authed: [TOKEN, 'Slack saw no token; copy it again, it begins with xoxb-'],
  invalid_auth: [TOKEN, 'Slack does not know the token; copy it again, it begins with xoxb-'],
  account_inactive: [TOKEN, 'the bot was removed; install the app again and set its new token'],
  token_revoked: [TOKEN, 'the token was revoked; install the app again and set its new token'],
  token_expired: [TOKEN, 'the token has expired; set a new one'],
  missing_scope: [TOKEN, 'the app lacks the scope chat:write; add it and install the app again'],
  not_allowed_token_type: [TOKEN, 'a bot token is needed; it begins with xoxb-'],
  channel_not_found: [
    CHANNEL,
    'there is no such channel, or it is private without the bot; use its id, invite the bot',
  ],
  not_in_channel: [CHANNEL, 'the bot is not in the channel; type /invite @the-bot there'],
  is_archived: [CHANNEL, 'the channel is archived; name another'],
  restricted_action: [CHANNEL, 'an administrator restricted posting there'],
  invalid_blocks: ['input.blocks', 'Slack did not accept them'],
  invalid_blocks_format: ['input.blocks', 'Slack did not accept them'],
  msg_too_long: ['input.text', 'it is too long for Slack'],
  no_text: ['input.text', 'Slack found none'],
};
/** Slack's own trouble, of which it says that part of the work may have been done. */
const UNKNOWN = ['fatal_error', 'internal_error', 'request_timeout'];
const RATE_LIMITED = ['ratelimited', 'rate_limited'];

const Said = z.object({
  ok: z.boolean(),
  error: z
    .string()
    .regex(/^\w{1,100}$/)
    .optional(),
  channel: z.string().optional(),
  ts: z.string().optional(),
  permalink: z.string().optional(),
});
type Said = z.infer<typeof Said>;

export interface Bot {
  apiUrl: string;
  token: string;
  channel: string;
}

/** @throws naming the variable that Slack's answer is about */
export async function postAsBot(
  bot: Bot,
  message: Message,
  context: Pick<Sending, 'signal' | 'log'>,
): Promise<Receipt> {
  const { apiUrl, token, channel } = bot;
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json; charset=utf-8' };
  const body = JSON.stringify({ channel, ...message, unfurl_links: false, unfurl_media: false });
  const answer = await send(
    `${apiUrl}/chat.postMessage`,
    { method: 'POST', headers, body },
    {
      ...context,
      variable: TOKEN,
      isRateLimited: (given) => RATE_LIMITED.includes(read(given)?.error ?? ''),
    },
  );
  const said = read(answer);
  if (!said?.ok) throw refusal(answer, said);
  const receipt = { ...(said.channel && { channel: said.channel }), ...(said.ts && { ts: said.ts }) };
  const permalink = await permalinkOf(receipt, bot, context);
  return { ...receipt, ...(permalink && { permalink }) };
}

function read({ text }: Answer): Said | undefined {
  try {
    return Said.safeParse(JSON.parse(text)).data;
  } catch {
    // No JSON, a proxy's page say: refusal() tells the status.
    return undefined;
  }
}

function refusal({ status }: Answer, said: Said | undefined): Error {
  const word = said?.error;
  if (!said || (word && UNKNOWN.includes(word)))
    return new Unconfirmed(
      `${TOKEN}: Slack answered ${word ?? `status ${status} without its usual answer`}, so the message may or may ` +
        'not have arrived. It is not sent again by itself: look into the channel before you start this again',
    );
  const [variable, mend] = MENDS[word ?? ''] ?? [
    TOKEN,
    'docs.slack.dev explains the word under chat.postMessage',
  ];
  return new Error(`${variable}: nothing was posted: Slack answered ${word ?? 'ok: false'}: ${mend}`);
}

/** A convenience: without it the message is posted all the same. */
async function permalinkOf(
  { channel, ts }: Receipt,
  { apiUrl, token }: Bot,
  { signal, log }: Pick<Sending, 'signal' | 'log'>,
): Promise<string | undefined> {
  if (!channel || !ts) return undefined;
  try {
    const query = new URLSearchParams({ channel, message_ts: ts });
    const response = await fetch(`${apiUrl}/chat.getPermalink?${query.toString()}`, {
      headers: { authorization: `Bearer ${token}` },
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(PERMALINK_MS)]),
    });
    const said = read({ status: response.status, text: await readText(response) });
    if (said?.permalink) return said.permalink;
    log('Slack gave no permalink', { reason: said?.error ?? response.status });
  } catch (error) {
    log('Slack gave no permalink', { reason: (error as Error).name });
  }
  return undefined;
}
