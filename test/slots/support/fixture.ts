/** A repository with an app in it, and the controller as a process of its own. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { request } from 'undici';
import { isDead, procStat } from '../../../src/os/proc-stat';
import type { Status } from '../../../src/slots/status';
import { temporaryFolder } from '../../support/folders';
import { freePort } from '../../support/ports';
import { useProcesses, type Processes, type TestProcess } from '../../support/processes';
import { until } from '../../support/until';

/** As it is shipped: a start by the loader for TypeScript takes three times as long. */
export const BIN = resolve('dist/cli/slots-bin.js');
const START_MS = 30_000;

export interface Behaviour {
  version: string;
  unhealthy?: boolean;
  /** Answers 500 to every request of users. */
  failing?: boolean;
  bootDelayMs?: number;
  ignoresTerm?: boolean;
  handlesQuiet?: boolean;
  child?: boolean;
  /** CPU time of a request to /work. */
  workMs?: number;
  schema?: [number, number];
  /** Further files of the commit; null removes one. */
  files?: Record<string, string | null>;
}

export class Repository {
  constructor(
    readonly folder: string,
    isThere = false,
  ) {
    if (isThere) return;
    this.git('init', '--quiet', '--initial-branch=main');
    copyFileSync(resolve('test/slots/support/app.js'), join(folder, 'app.js'));
    // Signals go to the app alone when its shell makes room for it.
    writeFileSync(join(folder, 'start.sh'), '#!/bin/sh\nexec node app.js\n', { mode: 0o755 });
  }

  /** One that was copied. */
  static at(folder: string): Repository {
    return new Repository(folder, true);
  }

  git(...args: string[]): string {
    const env = { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' };
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
    return execFileSync('git', [...identity, ...args], { cwd: this.folder, env, encoding: 'utf8' }).trim();
  }

  /** Commits the app with a behaviour. @returns the full hash */
  commit({ files = {}, ...behaviour }: Behaviour): string {
    writeFileSync(join(this.folder, 'behaviour.json'), JSON.stringify(behaviour));
    for (const [path, text] of Object.entries(files)) {
      if (text === null) this.git('rm', '-r', '--quiet', path);
      else {
        mkdirSync(dirname(join(this.folder, path)), { recursive: true });
        writeFileSync(join(this.folder, path), text, { mode: 0o755 });
      }
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '-m', behaviour.version);
    return this.head();
  }

  /** Many commits on top of what is there, by one process of Git's. @returns their hashes, in their order */
  commits(versions: readonly string[]): string[] {
    const author = 'committer test <test@example.com> 0 +0000';
    const from = this.head();
    const stream = versions.map((version, i) => {
      const text = JSON.stringify({ version });
      const parent = i === 0 ? `from ${from}\n` : '';
      const change = `M 100644 inline behaviour.json\ndata ${text.length}\n${text}\n`;
      return `commit refs/heads/main\n${author}\ndata ${version.length}\n${version}\n${parent}${change}`;
    });
    execFileSync('git', ['fast-import', '--quiet'], { cwd: this.folder, input: stream.join('') });
    return this.git('rev-list', `${from}..refs/heads/main`).split('\n').reverse();
  }

  /** Without a process of Git's, where the branch is a file of its own. */
  private head(): string {
    const branch = /^ref: (.+)$/m.exec(readFileSync(join(this.folder, '.git/HEAD'), 'utf8'))?.[1] ?? '';
    const file = join(this.folder, '.git', branch);
    return branch !== '' && existsSync(file)
      ? readFileSync(file, 'utf8').trim()
      : this.git('rev-parse', 'HEAD');
  }
}

export interface Answer {
  status: number;
  body: Record<string, unknown> & { error?: string; stage?: string; slot?: string; commit?: string };
}

export class Installation {
  process: TestProcess | undefined;
  readonly data: string;

  constructor(
    readonly repo: Repository,
    readonly folder: string,
    readonly ports: { app: number; internal: number; api: number },
    private readonly processes: Pick<Processes, 'startScript'>,
  ) {
    this.data = join(folder, 'data');
  }

  contract(fields: Record<string, unknown> = {}): void {
    const contract = {
      start_command: './start.sh',
      port: this.ports.app,
      internal_port: this.ports.internal,
      health_endpoint: '/healthz',
      health_timeout_ms: 15_000,
      drain_timeout_ms: 2_000,
      agent_auth: 'none',
      ...fields,
    };
    writeFileSync(join(this.folder, 'slot-machine.json'), JSON.stringify(contract));
  }

  /** Starts the controller, by a script of its own where one is given, and waits until it is ready. */
  async start(env: Record<string, string> = {}, script = BIN): Promise<void> {
    const { folder, ports } = this;
    const places = [
      '--config',
      join(folder, 'slot-machine.json'),
      '--repo',
      this.repo.folder,
      '--data',
      this.data,
    ];
    const args = ['start', ...places, '--port', String(ports.api), '--no-proxy'];
    const own = { REVEILLE_SLOTS_REGISTRY: join(folder, 'registry') };
    this.process = await this.processes.startScript(script, args, { env: { ...own, ...env } });
    await this.process.waitFor(/Ready on/, START_MS);
  }

  async stop(): Promise<void> {
    await this.process?.stop();
  }

  async call(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
    const { statusCode, body: answer } = await request(`http://127.0.0.1:${this.ports.api}${path}`, {
      method,
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: statusCode, body: (await answer.json()) as Answer['body'] };
  }

  deploy(commit: string): Promise<Answer> {
    return this.call('POST', '/deploy', { commit });
  }

  /** Deploys what must succeed. */
  async live(commit: string): Promise<Answer> {
    const answer = await this.deploy(commit);
    if (answer.status !== 200) throw new Error(`deploy: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer;
  }

  async status(): Promise<Status> {
    return (await this.call('GET', '/status')).body as unknown as Status;
  }

  /** What the public port answers. */
  async get(path = '/'): Promise<string> {
    const { body } = await request(`http://127.0.0.1:${this.ports.app}${path}`);
    return body.text();
  }

  async internal(path: string): Promise<Record<string, unknown>> {
    const { body } = await request(`http://127.0.0.1:${this.ports.internal}${path}`);
    return (await body.json()) as Record<string, unknown>;
  }

  slotFolders(): string[] {
    return readdirSync(this.data)
      .filter((name) => name.startsWith('slot-'))
      .sort();
  }

  link(name: 'live' | 'prev'): string | undefined {
    try {
      return readlinkSync(join(this.data, name));
    } catch {
      return undefined;
    }
  }

  /** Groups of living processes that work in the data directory: one for each app that runs. */
  appGroups(): number[] {
    const groups = readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          return readlinkSync(`/proc/${pid}/cwd`).startsWith(this.data);
        } catch {
          return false; // Gone since the listing.
        }
      })
      .map((pid) => procStat(Number(pid)))
      .filter((stat) => stat !== undefined && !isDead(stat))
      .map((stat) => stat?.group ?? 0);
    return [...new Set(groups)];
  }

  worktrees(): string[] {
    return this.repo
      .git('worktree', 'list', '--porcelain')
      .split('\n')
      .filter((line) => line.startsWith('worktree ') && line.includes(this.data))
      .map((line) => line.slice(line.lastIndexOf('/') + 1))
      .sort();
  }
}

/** Call at the top of a `describe`: makes installations, and takes all of them away after its last test. */
export function useInstallations(): (fields?: Record<string, unknown>) => Promise<Installation> {
  const made: { installation: Installation; remove: () => Promise<void> }[] = [];
  // Before useProcesses() has its own: hooks run in this order, and it kills, which leaves apps behind.
  afterAll(async () => {
    for (const { installation, remove } of made) {
      await installation.stop();
      await until(() => installation.appGroups().length === 0, { what: 'the end of the app' });
      await remove();
    }
  });
  const processes = useProcesses();
  const startScript: Processes['startScript'] = (file, args, options) =>
    processes.start(process.execPath, [file, ...args], options);
  return async (fields) => {
    const { path, remove } = await temporaryFolder();
    mkdirSync(join(path, 'repo'));
    const ports = { app: await freePort(), internal: await freePort(), api: await freePort() };
    const installation = new Installation(new Repository(join(path, 'repo')), path, ports, {
      startScript,
    });
    installation.contract(fields);
    made.push({ installation, remove });
    return installation;
  };
}
