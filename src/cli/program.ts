/** The `reveille` command as a whole. One file per command; this one only adds them. */
import { Command } from 'commander';
import { agentCommand } from './agent';
import { approvalsCommand } from './approvals';
import { approveCommand } from './approve';
import { auditCommand } from './audit';
import { budgetsCommand } from './budgets';
import { costsCommand } from './costs';
import { doctorCommand } from './doctor';
import { demoCommand } from './demo/command';
import { devCommand } from './dev/command';
import { diffCommand } from './diff';
import { newCommand } from './new';
import { notifyCommand } from './notify';
import { platformCommand } from './platform';
import { redeployCommand } from './redeploy';
import { replayCommand } from './replay';
import { inboxCommand } from './inbox';
import { lineageCommand } from './lineage';
import { releaseCommand } from './release';
import { keysCommand } from './keys';
import { loginCommand, logoutCommand, whoamiCommand } from './login';
import { scheduleCommand } from './schedule';
import { runsCommand } from './runs';
import { slotsCommand } from './slots';
import { whyCommand } from './why';
import { agentsCommand } from './agents';
import { cancelCommand } from './cancel';
import { capsulesCommand } from './capsules';
import { completionCommand } from './completion';
import { logsCommand } from './logs';
import { mcpCommand } from './mcp';
import { rerunCommand } from './rerun';
import { startCommand } from './start';
import { topCommand } from './top';
import { workflowsCommand } from './workflows';
import { killCommand } from './kill';
import { oversightCommand } from './oversight';
import { protocolCommand } from './protocol';
import { rejectCommand } from './reject';
import { pauseCommand } from './pause';
import { resumeCommand } from './resume';
import { breakersCommand } from './breakers';
import { switchesCommand } from './switches';

/** The program, not yet run: help, completion and the documentation are made from it, too. */
export function createProgram(): Command {
  return new Command('reveille')
    .description('Wakes agents, runs them, and lets them sleep.')
    .addCommand(demoCommand())
    .addCommand(devCommand())
    .addCommand(doctorCommand())
    .addCommand(redeployCommand())
    .addCommand(newCommand())
    .addCommand(platformCommand())
    .addCommand(agentCommand())
    .addCommand(startCommand('run'))
    .addCommand(runsCommand())
    .addCommand(logsCommand())
    .addCommand(cancelCommand())
    .addCommand(rerunCommand())
    .addCommand(topCommand())
    .addCommand(workflowsCommand())
    .addCommand(agentsCommand())
    .addCommand(capsulesCommand())
    .addCommand(approvalsCommand())
    .addCommand(approveCommand())
    .addCommand(rejectCommand())
    .addCommand(oversightCommand())
    .addCommand(protocolCommand())
    .addCommand(killCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(switchesCommand())
    .addCommand(breakersCommand())
    .addCommand(whyCommand())
    .addCommand(replayCommand())
    .addCommand(diffCommand())
    .addCommand(costsCommand())
    .addCommand(budgetsCommand())
    .addCommand(releaseCommand())
    .addCommand(lineageCommand())
    .addCommand(auditCommand())
    .addCommand(loginCommand())
    .addCommand(logoutCommand())
    .addCommand(whoamiCommand())
    .addCommand(keysCommand())
    .addCommand(inboxCommand())
    .addCommand(scheduleCommand())
    .addCommand(slotsCommand())
    .addCommand(notifyCommand())
    .addCommand(mcpCommand())
    .addCommand(completionCommand());
}
