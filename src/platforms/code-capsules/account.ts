/** One Code Capsules account: its credentials, its sockets and the calls under way. */
import { PlatformError } from '../platform';
import type { Call } from '../calls/call';
import { Calls } from '../calls/call';
import type { TokenSource } from './credentials';
import { LoginTokens, staticToken } from './credentials';
import { mendsOf } from './mends';
import type { FailureContext } from '../calls/failure';
import type { Settings } from './options';
import { redactor } from '../calls/redact';
import { Requester } from '../calls/requester';
import type { ApiRequest } from '../calls/transport';
import { Transport } from '../calls/transport';

/** The variable that holds the address a request goes to. */
export type AddressVariable = 'CC_API_URL' | 'CC_CLUSTER_URL';

export class Account {
  private readonly transport = new Transport();
  private readonly calls: Calls;
  private readonly requester: Requester;
  private readonly tokens: TokenSource;

  constructor(readonly settings: Settings) {
    this.calls = new Calls(settings.now, settings.deadlineMs);
    this.requester = new Requester(settings, this.transport);
    this.tokens =
      'token' in settings.credentials
        ? staticToken(settings.credentials.token)
        : new LoginTokens(settings.credentials, settings, this.requester, this.calls);
  }

  /** Runs one call of a port under its deadline and signals. */
  run<T>(
    about: { what: string; capsuleId?: string; signal?: AbortSignal | undefined },
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    return this.calls.run(about, work);
  }

  /**
   * Sends a request as the account and answers its body; a refused token is renewed once, where it can be.
   * @throws PlatformError
   */
  request(call: Call, request: ApiRequest, addressVariable: AddressVariable): Promise<unknown> {
    const context = this.context(addressVariable);
    return this.requester.request(call, request, context, async (...[, , timeoutMs]) => {
      const token = await this.token(call);
      const reply = await this.transport.send(call, authorised(request, token), timeoutMs);
      const renewed = reply.answered && reply.status === 401 && this.tokens.refused(token);
      if (!renewed) return reply;
      const fresh = await this.token(call);
      const left = Math.max(1, Math.min(timeoutMs, call.deadlineAt - this.settings.now()));
      return this.transport.send(call, authorised(request, fresh), left);
    });
  }

  /** Blanks every secret of this account in a text. */
  redact(text: string): string {
    return redactor(() => this.tokens.secrets())(text);
  }

  /** Ends calls under way and closes the kept-alive sockets. Safe to repeat. */
  close(): void {
    this.calls.close();
    this.transport.close();
  }

  private async token(call: Call): Promise<string> {
    try {
      return await this.tokens.token(call);
    } catch (error) {
      if (!(error instanceof PlatformError) || !call.mayHaveApplied) throw error;
      // The login knows nothing of the change whose answer was lost before it.
      throw new PlatformError(error.kind, error.message, true, { cause: error });
    }
  }

  private context(addressVariable: AddressVariable): FailureContext {
    return {
      mends: mendsOf(this.tokens.variables, addressVariable),
      addressVariable,
      redact: (text) => this.redact(text),
    };
  }
}

function authorised(request: ApiRequest, token: string): ApiRequest {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } };
}

/** The capsule's id as one path segment, so that no id can address anything else. */
export function segment(call: Call): string {
  const id = call.capsuleId ?? '';
  if (id === '' || id === '.' || id === '..') {
    const message = `${call.what}: "${id}" is no capsule id. Set the agent's CC_CAPSULE_ID_… variable.`;
    throw new PlatformError('rejected', message);
  }
  return encodeURIComponent(id);
}
