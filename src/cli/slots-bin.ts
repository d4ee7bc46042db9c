#!/usr/bin/env node
/** The `reveille-slots` command: `reveille slots` by a name of its own, without the rest of Reveille. */
import { stayLean } from '../slots/lean';

// Before the rest is loaded: what the heap has grown to by then it keeps.
stayLean();

void Promise.all([import('./run.js'), import('./slots.js')]).then(([{ run }, { slotsCommand }]) =>
  run(slotsCommand('reveille-slots')),
);
