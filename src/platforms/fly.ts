/**
 * The Fly driver: a capsule is one Fly Machine, named `app/machine`, started and stopped (or suspended)
 * over the Machines API. https://fly.io/docs/machines/api/machines-resource/
 */
import { z } from 'zod';
import { pause, type Call } from './calls/call';
import { ApiClient, checkReplicas } from './calls/client';
import { redactor } from './calls/redact';
import { callSettings, safeAddress, type CallOptions, type CallSettings } from './calls/settings';
import { PlatformError, type Observation, type Platform } from './platform';

export interface FlyOptions extends CallOptions {
  /** FLY_API_TOKEN. */
  token: string;
  /** FLY_API_HOSTNAME; https://api.machines.dev by default. */
  apiUrl?: string | undefined;
  /** How a machine sleeps; `stop` by default. `suspend` keeps its memory on disk for a faster start. */
  sleepBy?: 'stop' | 'suspend' | undefined;
}

const DEFAULT_URL = 'https://api.machines.dev';
/** The API waits for a state so long at most before it answers 408. */
const MAX_WAIT_SECONDS = 60;
/** Orders given in one call, and the wait between two, while the machine is between two states. */
const MAX_ORDERS = 8;
const BUSY_MS = 1_000;
const NAME = /^([a-z0-9][a-z0-9-]*)\/([A-Za-z0-9][A-Za-z0-9-]*)$/;

type Known = Observation & { phase: 'asleep' | 'awake' | 'falling-asleep' | 'odd' };

/** https://fly.io/docs/machines/machine-states/; other words are unknown. */
const STATES: Readonly<Record<string, Known>> = {
  created: { desired: 0, running: 0, phase: 'asleep' },
  stopped: { desired: 0, running: 0, phase: 'asleep' },
  suspended: { desired: 0, running: 0, phase: 'asleep' },
  stopping: { desired: 0, running: 1, phase: 'falling-asleep' },
  suspending: { desired: 0, running: 1, phase: 'falling-asleep' },
  creating: { desired: 1, running: 1, phase: 'awake' },
  starting: { desired: 1, running: 1, phase: 'awake' },
  started: { desired: 1, running: 1, phase: 'awake' },
  restarting: { desired: 1, running: 1, phase: 'awake' },
  updating: { desired: 1, running: 1, phase: 'awake' },
  replacing: { desired: 1, running: 1, phase: 'awake' },
};
const ODD: Known = { desired: 'unknown', running: 'unknown', phase: 'odd' };
/** No machine is left under this id. */
const GONE = new Set(['destroying', 'destroyed', 'replaced', 'migrated']);

const Machine = z.looseObject({ id: z.string(), state: z.string(), instance_id: z.string().optional() });
type Machine = z.infer<typeof Machine>;
const Refused = z.looseObject({ error: z.string() });

const MENDS = {
  auth: 'Check FLY_API_TOKEN: wrong, expired, or without rights to this app (fly tokens create deploy).',
  'not-found': "Check the agent's CC_CAPSULE_ID_… variable (app/machine; fly machine list shows both).",
  'rate-limited': 'Fly limits each action to one a second for a machine; try again later.',
  unavailable: 'Try again later; if it lasts, check FLY_API_HOSTNAME, the network and fly machine status.',
  rejected: 'Check FLY_API_HOSTNAME and the machine (fly machine status).',
} as const;

/**
 * Makes a driver for the machines of one token. Nothing is sent until the first call.
 * @throws Error naming FLY_API_HOSTNAME when it is malformed or unsafe
 */
export function createFlyPlatform(options: FlyOptions): Platform {
  return new Fly(options);
}

class Fly implements Platform {
  readonly name = 'fly';
  private readonly client: ApiClient;
  private readonly base: string;
  private readonly settings: CallSettings;

  constructor(private readonly options: FlyOptions) {
    this.base = `${safeAddress('FLY_API_HOSTNAME', options.apiUrl ?? DEFAULT_URL)}/v1/apps`;
    this.settings = callSettings(options);
    this.client = new ApiClient({
      settings: this.settings,
      context: {
        mends: MENDS,
        addressVariable: 'FLY_API_HOSTNAME',
        redact: redactor(() => [options.token]),
      },
      credentials: () => ({ authorization: `Bearer ${options.token}` }),
    });
  }

  scale(capsuleId: string, replicas: number, signal?: AbortSignal): Promise<void> {
    const what = `scale machine ${capsuleId} to ${replicas}`;
    return this.client.run(what, signal, async (call) => {
      checkReplicas(call, replicas, 1);
      const url = this.url(call, capsuleId);
      for (let orders = 1; ; orders += 1) {
        const machine = await this.read(call, url);
        if (await this.isDone(call, url, machine, replicas)) return;
        if (orders === MAX_ORDERS || this.settings.now() + BUSY_MS >= call.deadlineAt) {
          const message = `${what}: the machine is ${machine.state} and takes no order. ${MENDS.unavailable}`;
          throw new PlatformError('unavailable', message, call.mayHaveApplied);
        }
        await pause(call, BUSY_MS, this.settings.sleep);
      }
    });
  }

  observe(capsuleId: string, signal?: AbortSignal): Promise<Observation> {
    return this.client.run(`observe machine ${capsuleId}`, signal, async (call) => {
      const machine = await this.read(call, this.url(call, capsuleId));
      const { desired, running } = STATES[machine.state] ?? ODD;
      return { desired, running };
    });
  }

  async close(): Promise<void> {
    this.client.close();
  }

  private async read(call: Call, url: string): Promise<Machine> {
    const read = Machine.safeParse(await this.client.request(call, { method: 'GET', url }));
    if (!read.success) {
      throw new PlatformError('rejected', `${call.what}: the answer is no machine. ${MENDS.rejected}`);
    }
    if (GONE.has(read.data.state)) {
      const message = `${call.what}: the machine is ${read.data.state}. ${MENDS['not-found']}`;
      throw new PlatformError('not-found', message);
    }
    return read.data;
  }

  /** Gives the one order that the machine's state asks for, if any; false when it was not taken. */
  private async isDone(call: Call, url: string, machine: Machine, replicas: number): Promise<boolean> {
    const { phase } = STATES[machine.state] ?? ODD;
    if (replicas === 0) {
      if (phase === 'asleep' || phase === 'falling-asleep') return true;
      return this.isTaken(call, `${url}/${this.options.sleepBy ?? 'stop'}`);
    }
    if (phase === 'awake') return true;
    if (phase === 'falling-asleep') await this.asleep(call, url, machine);
    return this.isTaken(call, `${url}/start`);
  }

  /** Between two states a machine takes no order: that is answered 409 or 412, and nothing was done. */
  private async isTaken(call: Call, url: string): Promise<boolean> {
    const request = { method: 'POST', url, body: {}, change: true, alsoGood: [409, 412] } as const;
    const answer = await this.client.request(call, request);
    return !Refused.safeParse(answer).success;
  }

  /** Waits for the end of a stop: a machine is only started from rest. */
  private async asleep(call: Call, url: string, machine: Machine): Promise<void> {
    const left = Math.floor((call.deadlineAt - this.settings.now()) / 1_000);
    const seconds = Math.max(1, Math.min(MAX_WAIT_SECONDS, left));
    const query = new URLSearchParams({
      state: machine.state === 'suspending' ? 'suspended' : 'stopped',
      timeout: String(seconds),
      // Asked for by the API when the state is `stopped`.
      ...(machine.instance_id !== undefined && { instance_id: machine.instance_id }),
    });
    const timeoutMs = seconds * 1_000 + this.settings.requestTimeoutMs;
    await this.client.request(call, { method: 'GET', url: `${url}/wait?${query.toString()}`, timeoutMs });
  }

  private url(call: Call, capsuleId: string): string {
    const [, app, machine] = NAME.exec(capsuleId) ?? [];
    if (app !== undefined && machine !== undefined) return `${this.base}/${app}/machines/${machine}`;
    const message = `${call.what}: that is not app/machine. Set the agent's CC_CAPSULE_ID_… variable.`;
    throw new PlatformError('rejected', message);
  }
}
