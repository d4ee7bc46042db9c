/** Builds as the API shows them. */
import { z } from 'zod';
import { BUILD_STATUSES, type Build } from '../../platforms/builds';
import { maybeTime, shape } from '../schema';
import { isoOrNull } from './time';

export const BuildView = shape('Build', () =>
  z.object({
    buildId: z.string().describe("The platform's id of it."),
    agentId: z.string(),
    capsuleId: z.string(),
    status: z
      .enum(BUILD_STATUSES)
      .describe('`unknown`: the platform uses a word for it that is not known here, or has forgotten it.'),
    startedAt: maybeTime,
    finishedAt: maybeTime,
    branch: z.string().nullable(),
    commit: z.string().nullable(),
    deployed: z.boolean().nullable().describe('Whether the capsule runs it; null where nobody says.'),
    links: z.object({ self: z.string() }),
  }),
);

/** With what it printed. */
export const BuildDetail = shape('BuildDetail', () =>
  BuildView.unwrap().extend({
    log: z
      .array(z.string())
      .nullable()
      .describe('The last lines it printed, oldest first. Null when not asked for, or not to be had.'),
  }),
);

export const buildLink = (agentId: string, buildId: string): string =>
  `/agents/${encodeURIComponent(agentId)}/builds/${encodeURIComponent(buildId)}`;

export function buildView(agentId: string, build: Build): z.infer<typeof BuildView> {
  return {
    buildId: build.id,
    agentId,
    capsuleId: build.capsuleId,
    status: build.status,
    startedAt: isoOrNull(build.startedAt),
    finishedAt: isoOrNull(build.finishedAt),
    branch: build.branch ?? null,
    commit: build.commit ?? null,
    deployed: build.deployed ?? null,
    links: { self: buildLink(agentId, build.id) },
  };
}
