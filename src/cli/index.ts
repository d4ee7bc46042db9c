#!/usr/bin/env node
import { createProgram } from './program';
import { run } from './run';

void run(createProgram());
