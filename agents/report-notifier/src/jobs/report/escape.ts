/** Texts in a report come from web pages: each format gets them as plain text. */

const HTML: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** For HTML text and quoted attributes. */
export function html(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML[character] ?? character);
}

/** For one line of Markdown text or one table cell; HTML inside Markdown is escaped, too. */
export function markdown(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_{}[\]#!|~<>&]/g, (character) => `\\${character}`);
}

/** For Slack's mrkdwn, which knows three escapes; backticks and emphasis are harmless there but are taken out. */
export function slack(text: string): string {
  return text.replace(/[&<>]/g, (character) => HTML[character] ?? character).replace(/[`*_~]/g, ' ');
}

/** Only http and https may become links; anything else stays text. */
export function isWebAddress(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}
