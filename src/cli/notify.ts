/** `reveille notify test`: whether messages to people arrive, channel by channel. */
import { Command, Option } from 'commander';
import { CHANNEL_NAMES } from '../domain/notification';
import { NotifyTestView } from '../http/views/notification';
import { apiOf, overApi, type ApiOptions } from './client';
import { EXIT } from './exit';
import { print, printable, printJson } from './output';

interface TestOptions extends ApiOptions {
  channel?: string;
  text?: string;
}

export function notifyCommand(): Command {
  const test = new Command('test')
    .description('send a test message; exit code 1 when one does not arrive')
    .addOption(new Option('--channel <name>', 'only this one').choices([...CHANNEL_NAMES]))
    .option('--text <text>', 'what it says');
  return new Command('notify')
    .description('messages to people: alerts, and what waits for them')
    .addCommand(overApi(test).action(sendTest));
}

async function sendTest({ channel, text, ...options }: TestOptions): Promise<void> {
  const body = { ...(channel !== undefined && { channel }), ...(text !== undefined && { text }) };
  const answer = await apiOf(options).post('/notifications/test', NotifyTestView, { body });
  const { items } = answer;
  if (options.json) printJson(answer);
  else if (items.length === 0) print(nothingThere(channel));
  else {
    const rows = items.map((item) => [
      item.channel,
      item.ok ? 'arrived' : printable(item.error ?? 'did not arrive'),
      `${item.ms} ms`,
    ]);
    for (const line of lines(rows)) print(line);
  }
  if (items.length === 0 || items.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
}

const nothingThere = (channel: string | undefined): string =>
  channel === undefined
    ? 'No channel is configured: set one of NOTIFY_SLACK_URL, NOTIFY_TELEGRAM_TOKEN, NOTIFY_SMTP_URL, NOTIFY_WEBHOOK_URL, NOTIFY_PAGERDUTY_KEY.'
    : `The channel ${channel} is not configured: docs/configuration.md names its variables.`;

function lines(rows: readonly string[][]): string[] {
  const widths = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '));
}
