/**
 * Every way this API says no, by its stable `code`, with a `hint` that says what to do. The catalogue
 * is closed, so that the OpenAPI document and docs/api.md can list it.
 */
import { ACCESS } from './access';
import { AGENTS } from './agents';
import { RELEASES } from './releases';
import { REQUESTS } from './requests';
import { RUNS } from './runs';
import { SAFETY } from './safety';

export const PROBLEMS = { ...REQUESTS, ...ACCESS, ...AGENTS, ...RUNS, ...SAFETY, ...RELEASES };

export type ProblemCode = keyof typeof PROBLEMS;
