import { FakeApi, type FakeAnswer, type FakeRequest } from '../check/fake-api';

type Status = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

/** How long a stopped container takes to end. */
const STOP_MS = 30;
const VERSIONS = ['v1.44', 'v1.45', 'v1.46', 'v1.47'];

/**
 * A Docker Engine, as far as its documentation goes: the paths, parameters and statuses of inspect,
 * start and stop. https://docs.docker.com/reference/api/engine/version/v1.44/
 */
export class FakeEngine {
  status: Status | 'unheard-of' = 'created';
  readonly api = new FakeApi(
    (request) => this.handle(request),
    (_status, message) => ({ message }),
  );

  constructor(
    readonly container: string,
    readonly stopMs = STOP_MS,
  ) {}

  private async handle(request: FakeRequest): Promise<FakeAnswer> {
    const [, version = '', section, id, verb] = request.path.split('/');
    if (!VERSIONS.includes(version)) return refuse(400, `client version ${version} is not supported`);
    if (section !== 'containers' || id === undefined || verb === undefined) {
      return refuse(404, 'page not found');
    }
    if (id !== this.container) return refuse(404, `No such container: ${id}`);
    if (request.body !== undefined) return refuse(400, 'no body is taken');
    const route = `${request.method} ${verb}`;
    if (route === 'GET json') return this.inspect();
    if (route === 'POST start') return this.start();
    if (route === 'POST stop') return this.stop(request.query.get('t'));
    return refuse(404, 'page not found');
  }

  private inspect(): FakeAnswer {
    const Running = ['running', 'paused', 'restarting'].includes(this.status);
    const State = { Status: this.status, Running, Paused: this.status === 'paused', Pid: Running ? 42 : 0 };
    return { status: 200, body: { Id: 'f'.repeat(64), Name: `/${this.container}`, State } };
  }

  private start(): FakeAnswer {
    if (this.status === 'paused') return refuse(409, 'cannot start a paused container, try unpause instead');
    if (this.status === 'running') return { status: 304 };
    this.status = 'running';
    return { status: 204 };
  }

  /** Answered when the container has ended, and not before. */
  private async stop(grace: string | null): Promise<FakeAnswer> {
    if (grace !== null && !/^-?\d+$/.test(grace)) return refuse(400, 'bad parameter: t');
    if (['created', 'exited', 'dead'].includes(this.status)) return { status: 304 };
    await new Promise((resolve) => setTimeout(resolve, this.stopMs));
    this.status = 'exited';
    return { status: 204 };
  }
}

const refuse = (status: number, message: string): FakeAnswer => ({ status, body: { message } });
