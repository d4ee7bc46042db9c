/** Posts through an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks */
import { send, type Sending } from './post';
import type { Message } from './render';
import type { Receipt } from './schema';

const VARIABLE = 'SLACK_WEBHOOK_URL';

/** What Slack's words for a refusal mean for whoever runs this. */
const MENDS: Record<string, string> = {
  no_service: 'the webhook was removed or disabled; make a new one and set it here',
  no_service_id: 'the address is not complete; copy all of it',
  no_team: 'the workspace does not exist any more; make a webhook in another one',
  team_disabled: 'the workspace is disabled',
  invalid_token: 'the address is wrong or was revoked; copy it again',
  channel_not_found: 'its channel does not exist any more; make a new webhook',
  channel_is_archived: 'its channel is archived; restore it, or make a webhook for another',
  action_prohibited: 'an administrator of the workspace restricted posting there',
  posting_to_general_channel_denied: 'an administrator restricted posting to #general; use another channel',
  invalid_payload: 'Slack did not understand the message; check input.blocks',
  invalid_blocks: 'Slack did not accept the blocks; check input.blocks',
  no_text: 'Slack found no text; check input.text',
};
const MAX_WORD_CHARS = 60;

/** An incoming webhook's receipt is empty: Slack only says "ok". */
export async function postToWebhook(
  url: string,
  message: Message,
  context: Pick<Sending, 'signal' | 'log'>,
): Promise<Receipt> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Error(`${VARIABLE}: is not an address; it begins with https://hooks.slack.com/services/`);
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body: JSON.stringify(message) };
  const { status, text } = await send(url, init, { ...context, variable: VARIABLE });
  if (status === 200) return {};
  const word = text.replace(/[^\w ]/g, '').slice(0, MAX_WORD_CHARS);
  const mend = MENDS[word] ?? 'check that the address is the one Slack shows';
  throw new Error(
    `${VARIABLE}: nothing was posted: Slack answered ${[status, word].join(' ').trim()}: ${mend}`,
  );
}
