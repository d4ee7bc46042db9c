/**
 * A replay that was done in the sandbox, where the agent's folder is, and told to the orchestrator: of which tasks it
 * was, and against which release. It counts for a stage that asks for the very same.
 */
import { z } from 'zod';
import { canonicalJson } from '../canonical-json';
import { Sha256 } from '../release/manifest';
import type { ReplayStage } from './strategy';

/** What a replay is asked for, wherever it is done. */
export type ReplayWish = Pick<ReplayStage, 'tasks' | 'sinceMs' | 'margin' | 'compare' | 'tolerance'>;

export const wishOf = ({ tasks, sinceMs, margin, compare, tolerance }: ReplayWish): ReplayWish => ({
  ...{ tasks, sinceMs, margin, compare, tolerance },
});

const count = z.number().int().min(0);

/** The report of such a verdict; what else is in it is for people. */
export const IsolatedReplay = z.looseObject({
  /** The release whose tasks they were. */
  against: Sha256,
  wish: z.looseObject({ tasks: count, sinceMs: count, margin: z.number() }),
  /** What a canary takes from it. */
  outcomes: z.strictObject({ worse: count, better: count, same: count }),
});
export type IsolatedReplay = z.infer<typeof IsolatedReplay>;

/** What a person does for one. */
export const mendFor = (candidate: string): string =>
  `reveille release replay ${candidate.slice(0, 12)} --strategy <the rollout's file> --folder <its folder>`;

/** Whether it is what the stage asks for. */
export const answers = (replay: IsolatedReplay, stage: ReplayWish, incumbent: string | undefined): boolean =>
  replay.against === incumbent && canonicalJson(replay.wish) === canonicalJson(wishOf(stage));
