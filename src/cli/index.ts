#!/usr/bin/env node
import { programFor } from './lazy';
import { run } from './run';

void programFor(process.argv).then((program) => run(program));
