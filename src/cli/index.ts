#!/usr/bin/env node
/** The `reveille` command. One file per command; this one only adds them. */
import { Command } from 'commander';
import { agentCommand } from './agent';
import { demoCommand } from './demo/command';
import { newCommand } from './new';
import { redeployCommand } from './redeploy';
import { inboxCommand } from './inbox';
import { run } from './run';
import { runsCommand } from './runs';
import { whyCommand } from './why';

void run(
  new Command('reveille')
    .description('Wakes agents, runs them, and lets them sleep.')
    .addCommand(demoCommand())
    .addCommand(redeployCommand())
    .addCommand(newCommand())
    .addCommand(agentCommand())
    .addCommand(runsCommand())
    .addCommand(whyCommand())
    .addCommand(inboxCommand()),
);
