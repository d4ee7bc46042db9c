/** `reveille doctor`: what has to be in order before an installation is trusted, one line each. */
import { Command } from 'commander';
import type { z } from 'zod';
import { DoctorView } from '../http/routes/doctor';
import { NotifyTestView } from '../http/views/notification';
import { apiOf, overApi, type ApiClient, type ApiOptions } from './client';
import { EXIT } from './exit';
import { print, printable, printJson } from './output';

interface Options extends ApiOptions {
  fix: boolean;
  messages: boolean;
  strict: boolean;
}

export type Item = z.infer<typeof DoctorView>['items'][number];

export const doctorCommand = (): Command =>
  overApi(
    new Command('doctor')
      .description('examine the installation; exit code 1 when something fails')
      .option('--fix', 'mend first what can be mended without risk (the schedules)', false)
      .option('--no-messages', 'send no test message to the channels')
      .option('--strict', 'count warnings as failures', false),
  ).action(async (options: Options) => {
    const api = apiOf(options);
    const { items } = await (options.fix
      ? api.post('/doctor/fix', DoctorView)
      : api.get('/doctor', DoctorView));
    const { examineSlots } = await import('./doctor-slots.js');
    const all = [...items, ...(options.messages ? await messages(api) : []), ...(await examineSlots())];
    const failed = all.filter(({ verdict }) => verdict === 'fail' || (options.strict && verdict === 'warn'));
    if (options.json) printJson({ ok: failed.length === 0, items: all });
    else report(all);
    if (failed.length > 0) process.exitCode = EXIT.failed;
  });

/** A message to each channel: that one is configured does not say that it arrives. */
async function messages(api: ApiClient): Promise<Item[]> {
  const body = { text: 'A test message of "reveille doctor".' };
  const { items } = await api.post('/notifications/test', NotifyTestView, { body });
  return items.map(({ channel, ok, error }) => ({
    check: `message-${channel}`,
    verdict: ok ? 'ok' : 'fail',
    text: ok ? 'a test message arrived' : `a test message did not arrive: ${error ?? 'no reason given'}`,
    mend: ok ? null : `reveille notify test --channel ${channel}`,
  }));
}

function report(items: readonly Item[]): void {
  const width = Math.max(...items.map(({ check }) => check.length));
  for (const { check, verdict, text, mend } of items) {
    print(
      `${verdict.padEnd(7)}  ${check.padEnd(width)}  ${printable(text)}${mend === null ? '' : `. ${printable(mend)}`}`,
    );
  }
  const count = (wanted: Item['verdict']) => items.filter(({ verdict }) => verdict === wanted).length;
  print(
    `${count('ok')} in order, ${count('warn')} to look at, ${count('fail')} to mend, ${count('unknown')} not known`,
  );
}
