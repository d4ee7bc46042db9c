/** Slack's mrkdwn knows three escapes: https://docs.slack.dev/messaging/formatting-message-text */
const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

/** Keeps emphasis; mentions such as `<!channel>` and links become text. */
export function escape(text: string): string {
  return text.replace(/[&<>]/g, (character) => ENTITIES[character] ?? character);
}

/** For what web pages or people elsewhere wrote: emphasis goes as well. */
export function plain(text: string): string {
  return escape(text.replace(/[`*_~]/g, ' '));
}
