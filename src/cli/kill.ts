/** `reveille kill`: `--all` stops everything and follows until every capsule is at zero; else turns one thing off. */
import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { z } from 'zod';
import { EmergencyStopView } from '../http/views/switch';
import { apiOf, overApi, type ApiClient } from './client';
import { EXIT, UsageError } from './exit';
import { counted, print, printable, printJson } from './output';
import { Progress } from './progress';
import { setSwitch, targetOf, type TargetOptions } from './switches';

const POLL_MS = 500;
/** Beyond what the orchestrator itself gives its report. */
const GRACE_MS = 30_000;
const VERIFY_SECONDS = 120;

type Stop = z.infer<typeof EmergencyStopView>;

interface KillOptions extends TargetOptions {
  drain?: boolean;
  cancel?: boolean;
  drainSeconds: number;
  message: string;
  yes: boolean;
}

export const killCommand = (): Command =>
  overApi(
    new Command('kill')
      .description('stop everything (--all), or turn an agent or a workflow off')
      .option('--all', 'cancel what runs, scale every capsule to zero, and see it there', false)
      .option('--agent <id>', 'turn an agent off; what it is at work on goes on')
      .option('--workflow <id>', 'turn a workflow off; what runs goes on')
      .addOption(new Option('--drain', 'let what runs finish').conflicts('cancel'))
      .option('--cancel', 'cancel what runs (the default)')
      .option('--drain-seconds <n>', 'with --drain: then it is cancelled', Number, 300)
      .option('--message <text>', 'why, for everybody who finds something held', 'stopped by hand')
      .option('--yes', 'do not ask', false),
  ).action(async (options: KillOptions) => {
    const target = targetOf(options);
    const what = target.subject === undefined ? 'everything' : `${target.scope} ${target.subject}`;
    await confirm(what, options);
    const api = apiOf(options);
    if (target.scope === 'global') return stopAll(api, options);
    const set = await setSwitch(api, { ...target, message: options.message });
    if (options.json) return printJson(set);
    print(`In force since ${set.inForceAt ?? set.createdAt}: ${printable(set.text)}.`);
  });

/** @throws UsageError without a terminal to ask on */
async function confirm(what: string, { yes }: KillOptions): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY) throw new UsageError('There is no terminal to ask on: add --yes.');
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`Stop ${what}? Type "stop" to go on: `);
    if (answer.trim() !== 'stop') throw new UsageError('Nothing was stopped.');
  } finally {
    lines.close();
  }
}

async function stopAll(api: ApiClient, options: KillOptions): Promise<void> {
  const { message, drain, drainSeconds, json } = options;
  const mode = drain === true ? 'drain' : 'cancel';
  const body = { mode, message, ...(drain === true && { drainSeconds }), verifySeconds: VERIFY_SECONDS };
  let stop = await api.post('/emergency-stop', EmergencyStopView, { body });
  if (!json) print('Nothing more is woken or sent.');
  const until = Date.now() + VERIFY_SECONDS * 1_000 + (drain === true ? drainSeconds * 1_000 : 0) + GRACE_MS;
  const progress = json ? undefined : new Progress();
  try {
    while (stop.status === 'stopping' && Date.now() < until) {
      const zero = stop.capsules.filter(({ state }) => state === 'zero').length;
      const all = stop.capsules.length;
      progress?.show(`${zero} of ${counted(all, 'capsule')} at zero`, zero / Math.max(1, all));
      await delay(POLL_MS);
      stop = await api.get(stop.links.self, EmergencyStopView);
    }
  } finally {
    progress?.end();
  }
  if (json) printJson(stop);
  else report(stop);
  // What is still awake is the platform's doing; what still stops goes on by itself.
  const unfinished = stop.status === 'stopping' ? EXIT.timedOut : EXIT.platform;
  process.exitCode = stop.status === 'stopped' ? EXIT.ok : unfinished;
}

function report({ status, tookMs, runs, capsules, resume }: Stop): void {
  print(
    `${status} after ${(tookMs / 1_000).toFixed(1)} s; ${counted(runs.cancelled.length, 'run')} cancelled.`,
  );
  for (const { capsuleId, state, running, error } of capsules) {
    const seen =
      state === 'zero' ? 'zero' : `${state}, ${running} running${error === null ? '' : `: ${error}`}`;
    print(`  ${printable(capsuleId)}  ${printable(seen)}`);
  }
  print(`To go on: ${resume}`);
}
