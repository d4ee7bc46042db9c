/**
 * The port behind which a platform builds and deploys what is in a capsule's repository. Apart from
 * {@link Platform}, because not every platform that runs capsules builds them too. The build itself,
 * and its state, stay with the platform; drivers only start builds and read them back.
 */
export interface Builds {
  /**
   * Starts one build of the head of the capsule's branch, never two: an answer that was lost is
   * looked for among the builds that were not there before.
   * @param before the capsule's builds, read a moment ago
   * @throws PlatformError; `mayHaveApplied` says that a build may have begun that was not seen
   */
  start(capsuleId: string, before: readonly Build[], signal?: AbortSignal): Promise<Build>;

  /**
   * The builds the platform lists for a capsule, newest first, whoever started them.
   * @throws PlatformError
   */
  list(capsuleId: string, signal?: AbortSignal): Promise<Build[]>;

  /**
   * The last lines a build printed, oldest first, without colours.
   * @throws PlatformError
   */
  log(build: Build, maxLines: number, signal?: AbortSignal): Promise<string[]>;
}

export const BUILD_STATUSES = ['queued', 'building', 'succeeded', 'failed', 'unknown'] as const;
export type BuildStatus = (typeof BUILD_STATUSES)[number];

/** One build as its platform tells it. Times are epoch milliseconds. */
export interface Build {
  id: string;
  capsuleId: string;
  status: BuildStatus;
  startedAt?: number;
  finishedAt?: number;
  branch?: string;
  commit?: string;
  /** Whether the capsule runs this build; absent where the platform does not say. */
  deployed?: boolean;
}

/** Whether nothing more will come of a build. Unknown is not an end. */
export const isOver = ({ status }: Pick<Build, 'status'>): boolean =>
  status === 'succeeded' || status === 'failed';

/** Whether a build is known to be under way. */
export const isUnderWay = ({ status }: Pick<Build, 'status'>): boolean =>
  status === 'queued' || status === 'building';
