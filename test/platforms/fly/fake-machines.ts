import { EventEmitter, once } from 'node:events';
import { FakeApi, type FakeAnswer, type FakeRequest } from '../check/fake-api';

const CHANGE_MS = 30;
const APP = 'agents';
const MACHINE = '73d8d46dbee589';
const INSTANCE = '01HMVXC16ED6SHK9452AF029Y7';

/**
 * The Machines API with one machine, as far as its documentation goes: states, orders, `wait`, tokens.
 * https://fly.io/docs/machines/api/machines-resource/
 */
export class FakeMachines {
  readonly capsuleId = `${APP}/${MACHINE}`;
  readonly token = 'canary-fly-token';
  private current = 'created';
  private readonly changes = new EventEmitter<{ state: [string] }>();
  readonly api = new FakeApi((request) => this.handle(request), errorBody);

  /** @param changeMs how long a start or a stop takes */
  constructor(private readonly changeMs = CHANGE_MS) {}

  get state(): string {
    return this.current;
  }

  set state(state: string) {
    this.current = state;
    this.changes.emit('state', state);
  }

  private async handle(request: FakeRequest): Promise<FakeAnswer> {
    const { method, path, headers, body } = request;
    if (headers.authorization !== `Bearer ${this.token}`) return refuse(401, 'unauthorized');
    const [, v1, apps, app, machines, machine, verb, ...more] = path.split('/');
    const isMachine = v1 === 'v1' && apps === 'apps' && machines === 'machines' && more.length === 0;
    if (!isMachine || app !== APP) return refuse(404, 'app not found');
    if (machine !== MACHINE) return refuse(404, 'machine not found');
    if (method === 'GET' && verb === undefined) return { status: 200, body: this.document() };
    if (method === 'GET' && verb === 'wait') return this.wait(request.query);
    if (method !== 'POST') return refuse(404, 'not found');
    if (body !== undefined && !headers['content-type']?.startsWith('application/json')) {
      return refuse(400, 'content type');
    }
    // An array, or nothing at all with a content type, is a body the API cannot read.
    if (Array.isArray(body)) return refuse(400, 'json: cannot unmarshal array');
    if (verb === 'start') return this.start();
    if (verb === 'stop' || verb === 'suspend') return this.rest(verb);
    return refuse(404, 'not found');
  }

  private document(): object {
    return { id: MACHINE, name: 'aged-wind-2649', state: this.state, region: 'ord', instance_id: INSTANCE };
  }

  private start(): FakeAnswer {
    const previous = this.state;
    if (!['created', 'stopped', 'suspended', 'failed'].includes(previous)) {
      return refuse(412, `failed_precondition: unable to start machine from current state: '${previous}'`);
    }
    this.state = 'starting';
    this.become('starting', 'started');
    return { status: 200, body: { previous_state: previous, migrated: false, new_host: '' } };
  }

  private rest(verb: 'stop' | 'suspend'): FakeAnswer {
    const [during, after] = verb === 'stop' ? ['stopping', 'stopped'] : ['suspending', 'suspended'];
    if (!['starting', 'started', 'failed'].includes(this.state)) {
      return refuse(412, `failed_precondition: machine is '${this.state}'`);
    }
    this.state = during!;
    this.become(during, after);
    return { status: 200, body: { ok: true } };
  }

  private become(from: string, to: string): void {
    setTimeout(() => {
      if (this.state === from) this.state = to;
    }, this.changeMs).unref();
  }

  private async wait(query: URLSearchParams): Promise<FakeAnswer> {
    const wanted = query.get('state') ?? 'started';
    if (!['started', 'stopped', 'suspended', 'destroyed'].includes(wanted)) return refuse(400, 'state');
    const timeout = Number(query.get('timeout') ?? 60);
    if (!Number.isInteger(timeout) || timeout < 1 || timeout > 60) return refuse(400, 'timeout');
    if (wanted === 'stopped' && query.get('instance_id') !== INSTANCE) return refuse(400, 'instance_id');
    const signal = AbortSignal.timeout(timeout * 1_000);
    while (this.state !== wanted) {
      const changed = await once(this.changes, 'state', { signal }).catch(() => undefined);
      if (!changed) return refuse(408, 'deadline exceeded');
    }
    return { status: 200, body: { ok: true } };
  }
}

function errorBody(_status: number, error: string): object {
  return { error };
}

const refuse = (status: number, error: string): FakeAnswer => ({ status, body: { error } });
