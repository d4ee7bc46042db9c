/** `reveille oversight`: how far an agent is trusted, and changing that by hand. */
import { Command, Option } from 'commander';
import { OversightView } from '../http/views/approval';
import { apiOf, overApi, type ApiOptions } from './client';
import { print, printable, printJson } from './output';

interface OversightOptions extends ApiOptions {
  set?: 'supervised' | 'autonomous';
  reason: string;
}

export const oversightCommand = (): Command =>
  overApi(
    new Command('oversight')
      .description('show how far an agent is trusted and why, or change it')
      .argument('<agent>', 'its id')
      .addOption(new Option('--set <level>', 'from now on').choices(['supervised', 'autonomous']))
      .option('--reason <text>', 'with --set: why, for the record', 'set by hand'),
  ).action(async (agent: string, options: OversightOptions) => {
    const api = apiOf(options);
    const path = `/agents/${encodeURIComponent(agent)}/oversight`;
    const body = { level: options.set, reason: options.reason };
    const seen =
      options.set === undefined
        ? await api.get(path, OversightView)
        : await api.post(path, OversightView, { body });
    if (options.json) return printJson(seen);
    const { mode, level, since, reason, supervisedActions, promoteAfter, incidents, lastIncident } = seen;
    if (mode === null) print(`${seen.agentId} is not overseen: it acts, and is judged afterwards.`);
    else {
      print(`${seen.agentId} is ${level}${since === null ? '' : ` since ${since}`} (mode ${mode}).`);
      if (reason !== null) print(printable(`Why: ${reason}.`));
      if (level === 'supervised' && mode !== 'supervised')
        print(`${supervisedActions} of ${promoteAfter} supervised actions went well.`);
    }
    print(`Incidents: ${incidents}${lastIncident ? printable(`; the last: ${lastIncident.text}`) : ''}`);
    if (seen.known.length > 0) print(printable(`It has done before: ${seen.known.join(', ')}.`));
  });
