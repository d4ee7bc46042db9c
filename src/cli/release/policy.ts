/** `reveille release policy`: by which rules the pointers of an environment move. */
import { Command, InvalidArgumentError } from 'commander';
import { rolloutMs } from '../../domain/rollout/words';
import { EnvironmentView } from '../../http/views/release';
import { apiOf, overApi, type ApiOptions } from '../client';
import { whole } from '../options';
import { print, printable, printJson } from '../output';
import { EnvironmentList, type Environment } from './commands';

interface PolicyOptions extends ApiOptions {
  env?: string;
  from?: string | false;
  approvals?: number;
  demand?: string[];
  allow?: string[];
  stickyBy?: string | false;
  keepWarm?: number;
  tolerance?: number | false;
  permit?: string[] | false;
  reason?: string;
}

const MAX_PERCENT = 1_000;
const MAX_APPROVALS = 10;

const list = (value: string): string[] => value.split(',').flatMap((part) => part.trim() || []);

function time(value: string): number {
  const ms = value === '0' ? 0 : rolloutMs(value);
  if (ms === undefined) throw new InvalidArgumentError('a time is 0, or like 30s, 10m, 2h or 1d');
  return ms;
}

export const policyCommand = (): Command =>
  overApi(
    new Command('policy')
      .description('tell by which rules releases come into an environment, or set some of them')
      .argument('<agent>', 'its id')
      .option('--env <name>', 'the environment (default: the one the orchestrator works by)')
      .option('--from <name>', 'only what is stable in this environment may come here')
      .option('--no-from', 'from anywhere')
      .option('--approvals <count>', 'people who have to say yes first', whole(0, MAX_APPROVALS))
      .option(
        '--demand <stages>',
        'validations it has to have passed, separated by commas; "" for none',
        list,
      )
      .option('--allow <keys>', 'keys whose work always goes to the candidate; "" for none', list)
      .option('--sticky-by <field>', 'the field of the input that work sticks to a release by')
      .option('--no-sticky-by', 'each run by itself')
      .option(
        '--keep-warm <time>',
        'how long the release before stays awake, like 10m; 0 for not at all',
        time,
      )
      .option(
        '--tolerance <percent>',
        'how much more time and memory than the one before it may take',
        whole(0, MAX_PERCENT),
      )
      .option('--no-tolerance', 'the default')
      .option(
        '--permit <permissions>',
        'what releases may ask for, separated by commas, * for anything; "" for nothing',
        list,
      )
      .option('--no-permit', 'nothing is said: a person answers for it')
      .option('--reason <text>', 'for the ledger'),
  ).action(async (agentId: string, options: PolicyOptions, command: Command) => {
    const api = apiOf(options);
    const { current, items } = await api.get('/environments', EnvironmentList);
    const name = options.env ?? current;
    const wish = wishOf(options, (option) => command.getOptionValueSource(option) === 'cli');
    if (Object.keys(wish).length === 0) {
      const found = items.find((e) => e.agentId === agentId && e.name === name);
      if (found) return tellPolicy(found, options);
      if (options.json) return printJson(null);
      return print(printable(`${agentId} has no environment ${name} yet: no rule is set.`));
    }
    const path = `/agents/${encodeURIComponent(agentId)}/environments/${encodeURIComponent(name)}/policy`;
    const body = { ...wish, ...(options.reason !== undefined && { reason: options.reason }) };
    tellPolicy(await api.post(path, EnvironmentView, { body }), options);
  });

/** What was asked for; `--no-…` takes a rule away. */
function wishOf(options: PolicyOptions, isGiven: (option: string) => boolean): Record<string, unknown> {
  const { from, approvals, demand, allow, stickyBy, keepWarm, tolerance, permit } = options;
  const fields = {
    from: { promoteFrom: from === false ? null : from },
    approvals: { approvals },
    demand: { demands: demand },
    allow: { allow },
    stickyBy: { stickyBy: stickyBy === false ? null : stickyBy },
    keepWarm: { keepPreviousWarmMs: keepWarm },
    tolerance: { tolerancePercent: tolerance === false ? null : tolerance },
    permit: { permissions: permit === false ? null : permit },
  };
  return Object.assign(
    {},
    ...Object.entries(fields).flatMap(([option, field]) => (isGiven(option) ? field : [])),
  ) as Record<string, unknown>;
}

/** By the environment itself; the registry may permit less. */
function permits(permissions: string[] | null): string {
  if (permissions === null) return 'what the registry does, or else a person';
  return permissions.join(', ') || 'nothing';
}

function tellPolicy(env: Environment, { json }: ApiOptions): void {
  if (json) return printJson(env);
  const { promoteFrom, approvals, demands, allow, stickyBy, keepPreviousWarmMs, tolerancePercent } =
    env.policy;
  const lines = [
    `${env.agentId}/${env.name}`,
    `  from:       ${promoteFrom === null ? 'anywhere' : `what is stable in ${promoteFrom}`}`,
    `  approvals:  ${approvals === 0 ? 'none' : approvals}`,
    `  demands:    ${demands.join(', ') || 'what is always asked for'}`,
    `  allow:      ${allow.length === 0 ? 'nobody in particular' : allow.slice(0, 10).join(', ')}${allow.length > 10 ? ` and ${allow.length - 10} more` : ''}`,
    `  sticky by:  ${stickyBy ?? 'the run'}`,
    `  keep warm:  ${keepPreviousWarmMs === 0 ? 'not at all' : `${keepPreviousWarmMs / 1_000} s`}`,
    `  tolerance:  ${tolerancePercent === null ? 'the default' : `${tolerancePercent} %`}`,
    `  permits:    ${permits(env.policy.permissions)}`,
  ];
  for (const line of lines) print(printable(line));
}
