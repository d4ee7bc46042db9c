/** `reveille switches`: what is switched off; and what the other safety commands share. */
import { Command } from 'commander';
import type { z } from 'zod';
import { SwitchView } from '../http/views/switch';
import { apiOf, overApi, type ApiClient, type ApiOptions } from './client';
import { UsageError } from './exit';
import { print, printable, printJson } from './output';

export type SwitchSeen = z.infer<typeof SwitchView>;
const MAX_LISTED = 1_000;

/** What a command is about: the options `--agent`, `--environment`, `--all`, and a workflow. */
export interface TargetOptions extends ApiOptions {
  agent?: string;
  environment?: string;
  workflow?: string;
  all?: boolean;
}

export interface Target {
  scope: SwitchSeen['scope'];
  subject?: string;
}

/** @throws UsageError unless exactly one thing is named */
export function targetOf({ agent, environment, workflow, all }: TargetOptions): Target {
  const named: Target[] = [
    ...(workflow === undefined ? [] : [{ scope: 'workflow' as const, subject: workflow }]),
    ...(agent === undefined ? [] : [{ scope: 'agent' as const, subject: agent }]),
    ...(environment === undefined ? [] : [{ scope: 'environment' as const, subject: environment }]),
    ...(all === true ? [{ scope: 'global' as const }] : []),
  ];
  const [target, ...rest] = named;
  if (!target || rest.length > 0)
    throw new UsageError('Name one thing: a workflow, --agent <id>, --environment <name> or --all.');
  return target;
}

export async function switchesOn(api: ApiClient): Promise<SwitchSeen[]> {
  const all: SwitchSeen[] = [];
  for await (const s of api.items('/switches', SwitchView, { on: 'true' }, MAX_LISTED)) all.push(s);
  return all;
}

export const setSwitch = (api: ApiClient, body: object): Promise<SwitchSeen> =>
  api.post('/switches', SwitchView, { body });

export const switchesCommand = (): Command =>
  overApi(new Command('switches').description('list what is switched off, by whom and why')).action(
    async (options: ApiOptions) => {
      const on = await switchesOn(apiOf(options));
      if (options.json) return on.forEach((s) => printJson(s));
      if (on.length === 0) return print('Nothing is switched off.');
      for (const s of on) print(printable(s.text));
    },
  );
