/** Builds of Code Capsules: started and read on the cluster's API. */
import type { Build, Builds } from '../builds';
import { PlatformError } from '../platform';
import { segment, type Account } from './account';
import { buildIn, buildsIn, logLinesIn } from './build-shapes';
import { pause, type Call } from '../calls/call';

/** After a lost answer the list is read so often, each wait twice the one before. */
const LOOKS = 4;
const FIRST_LOOK_MS = 500;
/** A build's log begins before its `createdOn` and ends after its `finishedOn`; so much is added. */
const LOG_BEFORE_MS = 120_000;
const LOG_AFTER_MS = 300_000;
const MAX_LOG_LINES = 500;

export class CodeCapsulesBuilds implements Builds {
  constructor(private readonly account: Account) {}

  start(capsuleId: string, before: readonly Build[], signal?: AbortSignal): Promise<Build> {
    return this.account.run({ what: `build capsule ${capsuleId}`, capsuleId, signal }, async (call) => {
      const request = { method: 'POST', url: this.url(call), body: {}, once: true } as const;
      try {
        const build = buildIn(await this.account.request(call, request, 'CC_CLUSTER_URL'), capsuleId);
        if (build) return build;
      } catch (error) {
        const unclear = error instanceof PlatformError && error.mayHaveApplied && !call.signal.aborted;
        if (!unclear) throw error;
        return this.appeared(call, before, error);
      }
      call.mayHaveApplied = true;
      const what = `${call.what}: it was accepted, but the answer names no build.`;
      return this.appeared(call, before, new PlatformError('unavailable', what, true));
    });
  }

  list(capsuleId: string, signal?: AbortSignal): Promise<Build[]> {
    const what = `list the builds of capsule ${capsuleId}`;
    return this.account.run({ what, capsuleId, signal }, (call) => this.read(call));
  }

  log(build: Build, maxLines: number, signal?: AbortSignal): Promise<string[]> {
    const { id, capsuleId } = build;
    return this.account.run({ what: `read the log of build ${id}`, capsuleId, signal }, async (call) => {
      const now = this.account.settings.now();
      // The API wants nanoseconds, and refuses times that are far from the build's.
      const nanoseconds = (ms: number) => `${Math.round(ms)}000000`;
      const query = new URLSearchParams({
        limit: String(MAX_LOG_LINES),
        start: nanoseconds((build.startedAt ?? now) - LOG_BEFORE_MS),
        end: nanoseconds((build.finishedAt ?? now) + LOG_AFTER_MS),
        direction: 'forward',
      });
      const url = `${this.base(call)}/builds/${encodeURIComponent(id)}/logs?${query.toString()}`;
      const body = await this.account.request(call, { method: 'GET', url }, 'CC_CLUSTER_URL');
      const lines = logLinesIn(body) ?? [];
      return maxLines > 0 ? lines.slice(-maxLines).map((line) => this.account.redact(line)) : [];
    });
  }

  /** The build that was not there before, once it shows. @throws PlatformError that it did not */
  private async appeared(call: Call, before: readonly Build[], lost: PlatformError): Promise<Build> {
    const known = new Set(before.map(({ id }) => id));
    for (let look = 1, wait = FIRST_LOOK_MS; ; look += 1, wait *= 2) {
      // The oldest of the new ones: what came after it was started by somebody else.
      const build = (await this.read(call)).findLast(({ id }) => !known.has(id));
      if (build) return build;
      if (look === LOOKS || this.account.settings.now() + wait >= call.deadlineAt) break;
      await pause(call, wait, this.account.settings.sleep);
    }
    const message = `${lost.message} No new build has appeared so far, but one may still begin.`;
    throw new PlatformError(lost.kind, message, true);
  }

  private async read(call: Call): Promise<Build[]> {
    const body = await this.account.request(call, { method: 'GET', url: this.url(call) }, 'CC_CLUSTER_URL');
    const builds = buildsIn(body, call.capsuleId ?? '');
    if (builds) return builds;
    const message = `${call.what}: the answer is no list of builds. Check CC_CLUSTER_URL.`;
    throw new PlatformError('rejected', message, call.mayHaveApplied);
  }

  private url(call: Call): string {
    return `${this.base(call)}/capsules/${segment(call)}/builds`;
  }

  private base({ what }: Call): string {
    const { clusterUrl } = this.account.settings;
    if (clusterUrl !== '') return clusterUrl;
    const mend = "Set it to the address of the cluster's API, which has the builds.";
    throw new PlatformError('rejected', `${what}: CC_CLUSTER_URL is not set. ${mend}`);
  }
}
