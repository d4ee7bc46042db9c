/**
 * The program as it is started: of its commands only the one that is called is loaded, and of the others what the help
 * says of them. All of them together take longer to load than most commands take to do their work.
 */
import { Command, Help } from 'commander';
import { LISTING } from './listing';

/** By name; `program.ts` has the same ones, and a test compares them. */
export const LOADERS: Readonly<Record<string, () => Promise<Command>>> = {
  demo: () => import('./demo/command.js').then((m) => m.demoCommand()),
  dev: () => import('./dev/command.js').then((m) => m.devCommand()),
  doctor: () => import('./doctor.js').then((m) => m.doctorCommand()),
  redeploy: () => import('./redeploy.js').then((m) => m.redeployCommand()),
  new: () => import('./new/index.js').then((m) => m.newCommand()),
  platform: () => import('./platform.js').then((m) => m.platformCommand()),
  agent: () => import('./agent/index.js').then((m) => m.agentCommand()),
  run: () => import('./start.js').then((m) => m.startCommand('run')),
  runs: () => import('./runs.js').then((m) => m.runsCommand()),
  logs: () => import('./logs.js').then((m) => m.logsCommand()),
  cancel: () => import('./cancel.js').then((m) => m.cancelCommand()),
  rerun: () => import('./rerun.js').then((m) => m.rerunCommand()),
  top: () => import('./top.js').then((m) => m.topCommand()),
  workflows: () => import('./workflows.js').then((m) => m.workflowsCommand()),
  agents: () => import('./agents.js').then((m) => m.agentsCommand()),
  capsules: () => import('./capsules.js').then((m) => m.capsulesCommand()),
  approvals: () => import('./approvals.js').then((m) => m.approvalsCommand()),
  approve: () => import('./approve.js').then((m) => m.approveCommand()),
  reject: () => import('./reject.js').then((m) => m.rejectCommand()),
  oversight: () => import('./oversight.js').then((m) => m.oversightCommand()),
  protocol: () => import('./protocol.js').then((m) => m.protocolCommand()),
  kill: () => import('./kill.js').then((m) => m.killCommand()),
  pause: () => import('./pause.js').then((m) => m.pauseCommand()),
  resume: () => import('./resume.js').then((m) => m.resumeCommand()),
  switches: () => import('./switches.js').then((m) => m.switchesCommand()),
  breakers: () => import('./breakers.js').then((m) => m.breakersCommand()),
  why: () => import('./why.js').then((m) => m.whyCommand()),
  replay: () => import('./replay.js').then((m) => m.replayCommand()),
  diff: () => import('./diff.js').then((m) => m.diffCommand()),
  costs: () => import('./costs.js').then((m) => m.costsCommand()),
  budgets: () => import('./budgets.js').then((m) => m.budgetsCommand()),
  release: () => import('./release/index.js').then((m) => m.releaseCommand()),
  lineage: () => import('./lineage.js').then((m) => m.lineageCommand()),
  audit: () => import('./audit/index.js').then((m) => m.auditCommand()),
  login: () => import('./login.js').then((m) => m.loginCommand()),
  logout: () => import('./login.js').then((m) => m.logoutCommand()),
  whoami: () => import('./login.js').then((m) => m.whoamiCommand()),
  keys: () => import('./keys.js').then((m) => m.keysCommand()),
  inbox: () => import('./inbox/index.js').then((m) => m.inboxCommand()),
  schedule: () => import('./schedule.js').then((m) => m.scheduleCommand()),
  slots: () => import('./slots.js').then((m) => m.slotsCommand()),
  notify: () => import('./notify.js').then((m) => m.notifyCommand()),
  mcp: () => import('./mcp/index.js').then((m) => m.mcpCommand()),
  completion: () => import('./completion/index.js').then((m) => m.completionCommand()),
};

/** What needs to know every command. */
const NEED_ALL = ['completion'];

/** The program for a command line. */
export async function programFor(argv: readonly string[]): Promise<Command> {
  const called = calledBy(argv.slice(2));
  if (called !== undefined && NEED_ALL.includes(called))
    return (await import('./program.js')).createProgram();
  const terms = new Map(LISTING.map(({ name, term }) => [name, term]));
  const program = new Command('reveille')
    .description('Wakes agents, runs them, and lets them sleep.')
    .configureHelp({ subcommandTerm: (command) => terms.get(command.name()) ?? termOf(command) });
  for (const { name, description } of LISTING) {
    const load = name === called ? LOADERS[name] : undefined;
    // The others stand in the list of the help, and are never run.
    program.addCommand(load ? await load() : new Command(name).description(description));
  }
  return program;
}

const termOf = (command: Command): string => new Help().subcommandTerm(command);

/** The first word, or the second where help is asked for with the first. Options before it have no values. */
function calledBy(words: readonly string[]): string | undefined {
  const [first, second] = words.filter((word) => !word.startsWith('-'));
  return first === 'help' ? second : first;
}
