/** `reveille top`: what goes on now, refreshed while one looks; one reading where nobody does. */
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { apiOf, overApi, type ApiClient, type ApiOptions } from './client';
import { CliError } from './exit';
import { seconds } from './options';
import { print, printJson, terminalWidth } from './output';
import { interrupted } from './signals';
import { paintFor } from './terminal';
import { screen } from './top/screen';
import { snapshot, type Snapshot } from './top/snapshot';

const DEFAULT_EVERY_SECONDS = 2;
/** The shortest, so that looking is no load. */
const MIN_EVERY_MS = 250;

const ESC = '\u001b[';
const ENTER = `${ESC}?1049h${ESC}?25l`;
const LEAVE = `${ESC}?25h${ESC}?1049l`;
const HOME = `${ESC}H`;
const CLEAR_LINE = `${ESC}K`;
const CLEAR_BELOW = `${ESC}J`;

interface TopOptions extends ApiOptions {
  every: number;
  once: boolean;
}

export const topCommand = (): Command =>
  overApi(
    new Command('top')
      .description('show what goes on now, refreshed until q or Ctrl-C; in a pipe once')
      .option('--every <seconds>', 'between two readings', seconds, DEFAULT_EVERY_SECONDS)
      .option('--once', 'one reading, on a terminal too', false),
  ).action(async (options: TopOptions) => {
    const api = apiOf(options);
    const signal = interrupted();
    const first = await snapshot(api, signal);
    if (options.json) return printJson(first);
    const paint = paintFor(process.stdout, process.env);
    if (options.once || !process.stdout.isTTY) {
      const size = { width: terminalWidth(), height: undefined };
      return screen(first, paint, size).forEach((line) => print(line));
    }
    await live(api, first, options, signal);
  });

/** Draws until the person has seen enough. The screen from before is there again afterwards. */
async function live(
  api: ApiClient,
  first: Snapshot,
  { every }: TopOptions,
  signal: AbortSignal,
): Promise<void> {
  const paint = paintFor(process.stdout, process.env);
  const end = new AbortController();
  const over = AbortSignal.any([signal, end.signal]);
  const keyboard = onKeys(() => end.abort());
  let [seen, trouble] = [first, ''];
  const draw = () => {
    const size = { width: terminalWidth(), height: (process.stdout.rows ?? 24) - 2 };
    const foot = trouble === '' ? paint.dim('q ends') : paint.bad(trouble);
    const lines = [...screen(seen, paint, size).slice(0, size.height), '', foot];
    process.stdout.write(HOME + lines.map((line) => line + CLEAR_LINE).join('\n') + CLEAR_BELOW);
  };
  process.stdout.write(ENTER);
  process.stdout.on('resize', draw);
  try {
    while (!over.aborted) {
      draw();
      await delay(Math.max(MIN_EVERY_MS, every * 1_000), undefined, { signal: over }).catch(() => undefined);
      if (over.aborted) break;
      [seen, trouble] = await again(api, seen, over);
    }
  } finally {
    process.stdout.off('resize', draw);
    process.stdout.write(LEAVE);
    keyboard.close();
  }
}

/** The next reading; the one before, and why, while there is none. */
async function again(api: ApiClient, before: Snapshot, signal: AbortSignal): Promise<[Snapshot, string]> {
  try {
    return [await snapshot(api, signal), ''];
  } catch (error) {
    if (signal.aborted) return [before, ''];
    if (error instanceof CliError) return [before, `As of ${before.at.slice(11, 19)} UTC. ${error.message}`];
    throw error;
  }
}

/** Without an Enter after each key. Ctrl-C is a key then, too. */
function onKeys(end: () => void): { close(): void } {
  const { stdin } = process;
  if (!stdin.isTTY) return { close: () => undefined };
  const onKey = (key: Buffer) => {
    if (['q', 'Q', '\u0003', '\u0004', '\u001b'].includes(key.toString('utf8'))) end();
  };
  stdin.setRawMode(true);
  stdin.on('data', onKey);
  return {
    close: () => {
      stdin.off('data', onKey);
      stdin.setRawMode(false);
      stdin.pause();
    },
  };
}
