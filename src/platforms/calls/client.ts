/** One account of a platform's HTTP API: deadlines, retries, sockets and the calls under way. */
import { PlatformError } from '../platform';
import { Calls, type Call } from './call';
import type { FailureContext } from './failure';
import { Requester } from './requester';
import type { CallSettings } from './settings';
import { Transport, type ApiRequest, type TransportOptions } from './transport';

export interface ClientOptions {
  settings: CallSettings;
  context: FailureContext;
  transport?: TransportOptions;
  /** The headers that carry the credentials, asked for before each try. @throws PlatformError */
  credentials?: (call: Call) => Record<string, string> | Promise<Record<string, string>>;
}

export class ApiClient {
  private readonly transport: Transport;
  private readonly calls: Calls;
  private readonly requester: Requester;

  constructor(private readonly options: ClientOptions) {
    const { settings } = options;
    this.transport = new Transport(options.transport);
    this.calls = new Calls(settings.now, settings.deadlineMs);
    this.requester = new Requester(settings, this.transport);
  }

  /** Runs one call of a port under its deadline and signals. */
  run<T>(what: string, signal: AbortSignal | undefined, work: (call: Call) => Promise<T>): Promise<T> {
    return this.calls.run({ what, signal }, work);
  }

  /** Sends a request with the credentials and answers its body. @throws PlatformError */
  request(call: Call, request: ApiRequest): Promise<unknown> {
    const { credentials, context } = this.options;
    return this.requester.request(call, request, context, async (_call, asked, timeoutMs) => {
      const headers = { ...asked.headers, ...(await credentials?.(call)) };
      return this.transport.send(call, { ...asked, headers }, timeoutMs);
    });
  }

  /** Ends calls under way and closes the kept-alive sockets. Safe to repeat. */
  close(): void {
    this.calls.close();
    this.transport.close();
  }
}

/** @throws PlatformError when `replicas` is no count, or more than a capsule of this platform can have */
export function checkReplicas(call: Call, replicas: number, most = Infinity): void {
  if (!Number.isInteger(replicas) || replicas < 0) {
    throw new PlatformError('rejected', `${call.what}: replicas must be a whole number, 0 or more.`);
  }
  if (replicas > most) {
    throw new PlatformError(
      'rejected',
      `${call.what}: a capsule of this platform has ${most} replica at most.`,
    );
  }
}
