/** `reveille resume`: releases the switches over a workflow, an agent, an environment or everything. */
import { Command } from 'commander';
import { SwitchView } from '../http/views/switch';
import { apiOf, overApi } from './client';
import { CliError, EXIT } from './exit';
import { print, printJson } from './output';
import { switchesOn, targetOf, type TargetOptions } from './switches';

interface ResumeOptions extends TargetOptions {
  switch?: string;
  reason?: string;
}

export const resumeCommand = (): Command =>
  overApi(
    new Command('resume')
      .description('turn it on again: what was held goes on in its order')
      .argument('[workflow]', 'the id of a workflow')
      .option('--agent <id>', 'an agent instead')
      .option('--environment <name>', 'an environment instead')
      .option('--all', 'the global switches instead; those of one thing stay', false)
      .option('--switch <id>', 'one switch, as `reveille switches` and `reveille why` name it')
      .option('--reason <text>', 'for the ledger'),
  ).action(async (workflow: string | undefined, options: ResumeOptions) => {
    const api = apiOf(options);
    const body = options.reason === undefined ? {} : { reason: options.reason };
    for (const id of options.switch === undefined ? await found() : [options.switch]) {
      const released = await api.post(`/switches/${encodeURIComponent(id)}/release`, SwitchView, { body });
      if (options.json) printJson(released);
      else
        print(
          `Released: ${released.subject === null ? 'everything' : `${released.scope} ${released.subject}`}.`,
        );
    }

    async function found(): Promise<string[]> {
      const { scope, subject = null } = targetOf({ ...options, ...(workflow !== undefined && { workflow }) });
      const on = (await switchesOn(api)).filter((s) => s.scope === scope && s.subject === subject);
      if (on.length === 0)
        throw new CliError('That is not switched off.', {
          lines: ['See: reveille switches'],
          exitCode: EXIT.notFound,
        });
      return on.map((s) => s.id);
    }
  });
