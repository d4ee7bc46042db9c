#!/usr/bin/env node
/** The `reveille-slots` command: `reveille slots` by a name of its own, without the rest of Reveille. */
import { run } from './run';
import { slotsCommand } from './slots';

void run(slotsCommand('reveille-slots'));
