/** Problems of releases and the rollouts that move pointers to them. */
import type { ProblemKind } from './kind';

export const RELEASES = {
  'release-not-found': {
    status: 404,
    title: 'There is no such release',
    hint: 'GET /releases lists them; POST /releases puts one on record.',
  },
  'rollout-not-found': {
    status: 404,
    title: 'There is no such rollout',
    hint: 'GET /rollouts lists them.',
  },
  'rollout-refused': {
    status: 409,
    title: 'The pointers cannot be moved like this',
    hint: 'Do what `detail` says; GET /environments tells where the pointers stand.',
  },
} as const satisfies Record<string, ProblemKind>;
