#!/usr/bin/env node
/** The `reveille` command. One file per command; this one only adds them. */
import { Command } from 'commander';
import { agentCommand } from './agent';
import { approvalsCommand } from './approvals';
import { approveCommand } from './approve';
import { auditCommand } from './audit';
import { budgetsCommand } from './budgets';
import { costsCommand } from './costs';
import { doctorCommand } from './doctor';
import { demoCommand } from './demo/command';
import { diffCommand } from './diff';
import { newCommand } from './new';
import { notifyCommand } from './notify';
import { platformCommand } from './platform';
import { redeployCommand } from './redeploy';
import { replayCommand } from './replay';
import { inboxCommand } from './inbox';
import { keysCommand } from './keys';
import { loginCommand, logoutCommand, whoamiCommand } from './login';
import { run } from './run';
import { scheduleCommand } from './schedule';
import { runsCommand } from './runs';
import { slotsCommand } from './slots';
import { whyCommand } from './why';
import { killCommand } from './kill';
import { oversightCommand } from './oversight';
import { rejectCommand } from './reject';
import { pauseCommand } from './pause';
import { resumeCommand } from './resume';
import { breakersCommand } from './breakers';
import { switchesCommand } from './switches';

void run(
  new Command('reveille')
    .description('Wakes agents, runs them, and lets them sleep.')
    .addCommand(demoCommand())
    .addCommand(doctorCommand())
    .addCommand(redeployCommand())
    .addCommand(newCommand())
    .addCommand(platformCommand())
    .addCommand(agentCommand())
    .addCommand(runsCommand())
    .addCommand(approvalsCommand())
    .addCommand(approveCommand())
    .addCommand(rejectCommand())
    .addCommand(oversightCommand())
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
    .addCommand(auditCommand())
    .addCommand(loginCommand())
    .addCommand(logoutCommand())
    .addCommand(whoamiCommand())
    .addCommand(keysCommand())
    .addCommand(inboxCommand())
    .addCommand(scheduleCommand())
    .addCommand(slotsCommand())
    .addCommand(notifyCommand()),
);
