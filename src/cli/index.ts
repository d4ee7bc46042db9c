#!/usr/bin/env node
/** The `reveille` command. One file per command; this one only adds them. */
import { Command } from 'commander';
import { agentCommand } from './agent';
import { auditCommand } from './audit';
import { costsCommand } from './costs';
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
import { pauseCommand } from './pause';
import { resumeCommand } from './resume';
import { switchesCommand } from './switches';

void run(
  new Command('reveille')
    .description('Wakes agents, runs them, and lets them sleep.')
    .addCommand(demoCommand())
    .addCommand(redeployCommand())
    .addCommand(newCommand())
    .addCommand(platformCommand())
    .addCommand(agentCommand())
    .addCommand(runsCommand())
    .addCommand(killCommand())
    .addCommand(pauseCommand())
    .addCommand(resumeCommand())
    .addCommand(switchesCommand())
    .addCommand(whyCommand())
    .addCommand(replayCommand())
    .addCommand(diffCommand())
    .addCommand(costsCommand())
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
