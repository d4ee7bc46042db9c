/** An incoming webhook of Slack, or of what takes the same: Mattermost, Rocket.Chat, Discord's /slack. */
import type { Secret } from '../../config/secret';
import { plainText } from '../../domain/notification';
import type { Channel } from '../channel';
import { post } from '../post';

/** Slack cuts texts at 40,000 characters. */
const MAX_TEXT = 30_000;

export function slackChannel(url: Secret): Channel {
  return {
    name: 'slack',
    batch: 10,
    send: async (messages) => {
      const text = messages.map(({ message }) => escaped(plainText(message))).join('\n\n');
      return post(url.reveal(), JSON.stringify({ text: text.slice(0, MAX_TEXT) }));
    },
    close: async () => undefined,
  };
}

/** What others wrote calls nobody (`<!channel>`) and is no link under a false name. */
const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
