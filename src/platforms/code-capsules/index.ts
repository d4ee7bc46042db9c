/** The Code Capsules driver: both shapes of that API behind the {@link Platform} port. */
import type { Observation, Platform } from '../platform';
import { PlatformError } from '../platform';
import type { Call } from './call';
import { Calls } from './call';
import type { TokenSource } from './credentials';
import { LoginTokens, redactor, staticToken } from './credentials';
import type { FailureContext } from './failure';
import type { CodeCapsulesOptions, Settings } from './options';
import { settle } from './options';
import { Requester } from './requester';
import { observationIn, sizesIn } from './shapes';
import type { ApiRequest } from './transport';
import { Transport } from './transport';

export type { CodeCapsulesCredentials, CodeCapsulesOptions, Dialect } from './options';

/**
 * Makes a driver for one Code Capsules account. Nothing is sent until the first call.
 * @throws Error naming the variable to set, when an address is missing or unsafe
 */
export function createCodeCapsulesPlatform(options: CodeCapsulesOptions): Platform {
  return new CodeCapsules(settle(options));
}

class CodeCapsules implements Platform {
  readonly name = 'code-capsules';
  private readonly transport = new Transport();
  private readonly calls: Calls;
  private readonly requester: Requester;
  private readonly tokens: TokenSource;

  constructor(private readonly settings: Settings) {
    this.calls = new Calls(settings.now, settings.deadlineMs);
    this.requester = new Requester(settings, this.transport);
    this.tokens =
      'token' in settings.credentials
        ? staticToken(settings.credentials.token)
        : new LoginTokens(settings.credentials, settings, this.requester, this.calls);
  }

  scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void> {
    const what = `scale capsule ${capsuleId} to ${replicas}`;
    return this.calls.run({ what, capsuleId, signal }, async (call) => {
      if (!Number.isInteger(replicas) || replicas < 0) {
        throw new PlatformError('rejected', `${what}: replicas must be a whole number, 0 or more.`);
      }
      await this.request(call, await this.scaleRequest(call, replicas));
    });
  }

  observe(capsuleId: string, signal?: AbortSignal): Promise<Observation> {
    return this.calls.run({ what: `observe capsule ${capsuleId}`, capsuleId, signal }, async (call) => {
      const observation = observationIn(await this.request(call, this.readRequest(call)));
      if (observation) return observation;
      const message = `${call.what}: the answer is no capsule document. Check ${this.addressVariable}.`;
      throw new PlatformError('rejected', message);
    });
  }

  /** Ends calls under way and closes the kept-alive sockets. Safe to repeat. */
  async close(): Promise<void> {
    this.calls.close();
    this.transport.close();
  }

  private get addressVariable(): string {
    return this.settings.dialect === 'capsule' ? 'CC_API_URL' : 'CC_CLUSTER_URL';
  }

  private readRequest(call: Call): ApiRequest {
    const { dialect, apiUrl, clusterUrl } = this.settings;
    // The cluster's API reads one capsule under a singular path, and changes it under a plural one.
    const base = dialect === 'capsule' ? `${apiUrl}/capsules` : `${clusterUrl}/capsule`;
    return { method: 'GET', url: `${base}/${segment(call)}` };
  }

  private async scaleRequest(call: Call, replicas: number): Promise<ApiRequest> {
    const { dialect, apiUrl, clusterUrl } = this.settings;
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

  /** Sends a request as the account; a refused token is renewed once, where it can be. */
  private request(call: Call, request: ApiRequest): Promise<unknown> {
    return this.requester.request(call, request, this.context(), async (...[, , timeoutMs]) => {
      const token = await this.token(call);
      const reply = await this.transport.send(call, authorised(request, token), timeoutMs);
      const renewed = reply.answered && reply.status === 401 && this.tokens.refused(token);
      if (!renewed) return reply;
      const fresh = await this.token(call);
      const left = Math.max(1, Math.min(timeoutMs, call.deadlineAt - this.settings.now()));
      return this.transport.send(call, authorised(request, fresh), left);
    });
  }

  private async token(call: Call): Promise<string> {
    try {
      return await this.tokens.token(call);
    } catch (error) {
      if (!(error instanceof PlatformError) || !call.mayHaveApplied) throw error;
      // The login knows nothing of the PATCH whose answer was lost before it.
      throw new PlatformError(error.kind, error.message, true, { cause: error });
    }
  }

  private context(): FailureContext {
    return {
      credentialVariables: this.tokens.variables,
      addressVariable: this.addressVariable,
      redact: redactor(() => this.tokens.secrets()),
    };
  }
}

function authorised(request: ApiRequest, token: string): ApiRequest {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };
}

/** The capsule's id as one path segment, so that no id can address anything else. */
function segment(call: Call): string {
  const id = call.capsuleId ?? '';
  if (id === '' || id === '.' || id === '..') {
    const message = `${call.what}: "${id}" is no capsule id. Set the agent's CC_CAPSULE_ID_… variable.`;
    throw new PlatformError('rejected', message);
  }
  return encodeURIComponent(id);
}
