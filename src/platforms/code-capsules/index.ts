/** The Code Capsules driver: both shapes of that API behind the {@link Platform} port, and its builds. */
import type { Builds } from '../builds';
import type { CapsuleMake, Observation, Platform } from '../platform';
import { PlatformError } from '../platform';
import type { AddressVariable } from './account';
import { Account, segment } from './account';
import { CodeCapsulesBuilds } from './builds';
import type { Call } from '../calls/call';
import type { CodeCapsulesOptions } from './options';
import { settle } from './options';
import { makeIn, observationIn, sizesIn } from './shapes';
import type { ApiRequest } from '../calls/transport';

export type { CodeCapsulesCredentials, CodeCapsulesOptions, Dialect } from './options';

/** Both ports on one account: they share its login and its sockets, and end with `close()`. */
export interface CodeCapsulesPlatform extends Platform {
  readonly builds: Builds;
}

/**
 * Makes a driver for one Code Capsules account. Nothing is sent until the first call.
 * @throws Error naming the variable to set, when an address is missing or unsafe
 */
export function createCodeCapsulesPlatform(options: CodeCapsulesOptions): CodeCapsulesPlatform {
  return new CodeCapsules(new Account(settle(options)));
}

class CodeCapsules implements CodeCapsulesPlatform {
  readonly name = 'code-capsules';
  readonly builds: Builds;

  constructor(private readonly account: Account) {
    this.builds = new CodeCapsulesBuilds(account);
  }

  scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void> {
    const what = `scale capsule ${capsuleId} to ${replicas}`;
    return this.account.run({ what, capsuleId, signal }, async (call) => {
      if (!Number.isInteger(replicas) || replicas < 0) {
        throw new PlatformError('rejected', `${what}: replicas must be a whole number, 0 or more.`);
      }
      await this.request(call, await this.scaleRequest(call, replicas));
    });
  }

  observe(capsuleId: string, signal?: AbortSignal): Promise<Observation> {
    return this.account.run({ what: `observe capsule ${capsuleId}`, capsuleId, signal }, async (call) => {
      const observation = observationIn(await this.request(call, this.readRequest(call)));
      if (observation) return observation;
      const message = `${call.what}: the answer is no capsule document. Check ${this.addressVariable}.`;
      throw new PlatformError('rejected', message);
    });
  }

  /** Only the cluster's API tells sizes; it is asked whatever shape is in use, where its address is known. */
  async describe(capsuleId: string, signal?: AbortSignal): Promise<CapsuleMake | undefined> {
    const { clusterUrl } = this.account.settings;
    if (clusterUrl === '') return undefined;
    return this.account.run({ what: `describe capsule ${capsuleId}`, capsuleId, signal }, async (call) => {
      const request: ApiRequest = { method: 'GET', url: `${clusterUrl}/capsule/${segment(call)}` };
      return makeIn(await this.account.request(call, request, 'CC_CLUSTER_URL'));
    });
  }

  /** Ends calls under way and closes the kept-alive sockets. Safe to repeat. */
  async close(): Promise<void> {
    this.account.close();
  }

  private get addressVariable(): AddressVariable {
    return this.account.settings.dialect === 'capsule' ? 'CC_API_URL' : 'CC_CLUSTER_URL';
  }

  private readRequest(call: Call): ApiRequest {
    const { dialect, apiUrl, clusterUrl } = this.account.settings;
    // The cluster's API reads one capsule under a singular path, and changes it under a plural one.
    const base = dialect === 'capsule' ? `${apiUrl}/capsules` : `${clusterUrl}/capsule`;
    return { method: 'GET', url: `${base}/${segment(call)}` };
  }

  private async scaleRequest(call: Call, replicas: number): Promise<ApiRequest> {
    const { dialect, apiUrl, clusterUrl } = this.account.settings;
    if (dialect === 'capsule') {
      const body = { scaling: { desiredReplicas: replicas } };
      return { method: 'PATCH', url: `${apiUrl}/capsules/${segment(call)}`, body };
    }
    // This shape wants every size with the replicas; they are read and sent back as they are.
    const read = sizesIn(await this.request(call, this.readRequest(call)));
    if ('missing' in read) {
      throw new PlatformError(
        'rejected',
        `${call.what}: the capsule's document lacks ${read.missing.join(', ')}, and guessing would resize it. ` +
          `Check CC_CLUSTER_URL, or set CC_API_DIALECT=capsule.`,
      );
    }
    const body = { ...read.sizes, replicaScale: { qty: replicas } };
    return { method: 'PATCH', url: `${clusterUrl}/capsules/${segment(call)}/products`, body };
  }

  private request(call: Call, request: ApiRequest): Promise<unknown> {
    return this.account.request(call, request, this.addressVariable);
  }
}
