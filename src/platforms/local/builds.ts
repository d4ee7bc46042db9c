/**
 * Builds of one local capsule. Each is made in a copy of the capsule's folder, so that one that fails
 * leaves what is deployed as it was; one that succeeds is what the capsule starts from then on.
 */
import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CapsuleContext, LocalCapsule } from './capsule';
import { CapsuleLog } from './capsule-log';
import { linkDependencies } from './dependencies';
import { capsuleEnv, webCommand } from './procfile';
import { startReplica } from './replica';

/** Builds told about; older ones are forgotten. */
const MAX_LISTED = 50;
/** Builds waiting for their turn at most. */
const MAX_QUEUED = 10;
/** Not copied: dependencies are linked, and the history is of no use to a build. */
const NOT_COPIED = ['node_modules', '.git'];

/** In the words of Code Capsules' cluster API. */
export type LocalBuildStatus = 'Starting' | 'Building' | 'Succeeded' | 'Failed';

interface LocalBuild {
  id: string;
  status: LocalBuildStatus;
  createdOn: Date;
  finishedOn?: Date;
  folder: string;
  log: CapsuleLog;
}

export class LocalBuilds {
  /** Oldest first. */
  private readonly builds: LocalBuild[] = [];
  private deployed: LocalBuild | undefined;
  private turn: Promise<void> = Promise.resolve();
  private readonly stopping = new AbortController();

  constructor(
    private readonly capsule: LocalCapsule,
    private readonly context: CapsuleContext,
    /** Longest duration of one build, in ms. */
    private readonly timeoutMs: number,
  ) {}

  /** Starts a build, or lines it up behind the one that runs. Undefined when too many wait already. */
  start(): object | undefined {
    if (this.builds.filter(({ status }) => status === 'Starting').length >= MAX_QUEUED) return undefined;
    const id = randomUUID();
    const root = join(this.context.stateDir, 'builds');
    const log = new CapsuleLog(root, id);
    const build: LocalBuild = { id, status: 'Starting', createdOn: new Date(), folder: join(root, id), log };
    this.builds.push(build);
    if (this.builds.length > MAX_LISTED) this.builds.shift();
    this.turn = this.turn.then(() => this.perform(build));
    return this.document(build);
  }

  /** Newest first. */
  list(): object[] {
    return this.builds.map((build) => this.document(build)).reverse();
  }

  /** What a build printed last, oldest line first; undefined for an unknown one. */
  log(id: string, limit: number): object[] | undefined {
    const build = this.builds.find((each) => each.id === id);
    const entry = (log: string) => ({
      buildId: id,
      capsuleId: this.capsule.options.id,
      logType: 'build',
      log,
    });
    return build?.log.tail(limit).map(entry);
  }

  /** Ends the build that runs and gives up those that wait. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.turn;
  }

  private async perform(build: LocalBuild): Promise<void> {
    try {
      this.stopping.signal.throwIfAborted();
      build.status = 'Building';
      await this.copy(build.folder);
      await this.run(build);
      await webCommand(build.folder);
      this.stopping.signal.throwIfAborted();
      await this.deploy(build);
      build.status = 'Succeeded';
    } catch (error) {
      build.log.add(`The build failed: ${error instanceof Error ? error.message : String(error)}`);
      build.status = 'Failed';
      if (this.deployed !== build) await rm(build.folder, { recursive: true, force: true });
    }
    build.finishedOn = new Date();
    const { id, status } = build;
    this.context.events.emit('built', { capsuleId: this.capsule.options.id, buildId: id, status });
  }

  private async copy(to: string): Promise<void> {
    const { folder } = this.capsule.options;
    await mkdir(to, { recursive: true });
    await cp(folder, to, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => source === folder || !NOT_COPIED.includes(basename(source)),
    });
    await linkDependencies(resolve(folder), to);
  }

  /** Runs the build command, if the folder has one. @throws Error that says how it ended */
  private async run({ id, folder, log }: LocalBuild): Promise<void> {
    const command = await buildCommand(folder);
    if (command === undefined)
      return log.add('There is no build command; the files are deployed as they are.');
    log.add(`$ ${command}`);
    const { leftBehind, graceMs } = this.context;
    const env = await capsuleEnv(folder, leftBehind.marks);
    const name = `build.${id}`;
    const replica = await startReplica(command, folder, env, log, (pid) => leftBehind.started(name, pid));
    const timer = new AbortController();
    const signal = AbortSignal.any([this.stopping.signal, timer.signal]);
    try {
      const late = delay(this.timeoutMs, undefined, { signal }).catch(() => undefined);
      const exit = await Promise.race([replica.exited, late]);
      if (!exit)
        throw new Error(this.stopping.signal.aborted ? 'stopped' : `not done in ${this.timeoutMs} ms`);
      if (exit.code !== 0) throw new Error(`"${command}" ended with ${exit.code ?? exit.signal}`);
    } finally {
      timer.abort();
      await replica.end(graceMs);
      leftBehind.ended(name);
    }
  }

  /** The capsule starts from the build from now on; one that is awake is started anew. */
  private async deploy(build: LocalBuild): Promise<void> {
    const before = this.deployed;
    this.deployed = build;
    await this.capsule.deploy(build.folder);
    if (before) await rm(before.folder, { recursive: true, force: true });
  }

  private document(build: LocalBuild): object {
    const { id, status, createdOn, finishedOn } = build;
    return {
      id,
      capsuleId: this.capsule.options.id,
      status,
      type: 'manual',
      isDeployed: build === this.deployed,
      createdOn: createdOn.toISOString(),
      finishedOn: finishedOn?.toISOString() ?? null,
      metadata: {},
    };
  }
}

/** `npm run build` where the folder's package.json has such a script; nothing for other languages. */
async function buildCommand(folder: string): Promise<string | undefined> {
  const path = join(folder, 'package.json');
  if (!(await exists(path))) return undefined;
  const manifest = JSON.parse(await readFile(path, 'utf8')) as { scripts?: Record<string, unknown> };
  return typeof manifest.scripts?.['build'] === 'string' ? 'npm run build' : undefined;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
