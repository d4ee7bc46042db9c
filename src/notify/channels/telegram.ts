/** A Telegram bot. The text goes without a parse mode, so that nothing in it is markup. */
import type { Secret } from '../../config/secret';
import { plainText } from '../../domain/notification';
import type { Channel } from '../channel';
import { post } from '../post';

/** What one message holds, by Telegram's rules. */
const MAX_TEXT = 4_096;

export interface TelegramOptions {
  /** Base URL of the Bot API, without a slash at its end. */
  api: string;
  token: Secret;
  /** Id of the chat, or a public channel's @name. */
  chat: string;
}

export function telegramChannel({ api, token, chat }: TelegramOptions): Channel {
  return {
    name: 'telegram',
    batch: 3,
    send: async (messages) => {
      const text = messages.map(({ message }) => plainText(message)).join('\n\n');
      const body = {
        chat_id: chat,
        text: text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`,
        link_preview_options: { is_disabled: true },
      };
      return post(`${api}/bot${token.reveal()}/sendMessage`, JSON.stringify(body), { pauseIn });
    },
    close: async () => undefined,
  };
}

/** Telegram says `parameters.retry_after`, in seconds. */
function pauseIn(answer: unknown): number | undefined {
  const { parameters } = (answer ?? {}) as { parameters?: { retry_after?: unknown } };
  const seconds = parameters?.retry_after;
  return typeof seconds === 'number' && seconds >= 0 ? seconds * 1_000 : undefined;
}
