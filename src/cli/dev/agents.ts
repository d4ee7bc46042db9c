/** The agents of a development: built after each change, so that their next shift runs the new version. */
import { build, BUILD_STOP_MS } from '../agent/dev/build';
import { watchChanges } from '../agent/dev/changes';
import type { Group } from '../agent/dev/groups';
import { environment, readProject } from '../agent/dev/project';
import { printable } from '../output';
import { capsuleOf, type Installed } from './installed';
import type { DevParts } from './orchestrator';

interface Parts extends DevParts {
  installed: () => Installed | undefined;
}

export class DevAgents {
  private readonly watchers: Array<{ close: () => Promise<void> }> = [];
  /** Builds under way, by agent; one at a time of each. */
  private readonly building = new Map<string, Group>();
  private readonly cycles = new Map<string, Promise<void>>();
  private readonly wanted = new Map<string, number>();
  private isClosed = false;

  constructor(private readonly parts: Parts) {}

  async watch(): Promise<void> {
    for (const [id, folder] of this.parts.place.source.agents) {
      const watcher = await watchChanges({
        folder,
        startedAt: () => undefined,
        onChange: (path) => this.changed(id, folder, path),
        onOwnFile: () => undefined,
      });
      this.watchers.push(watcher);
    }
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all(this.watchers.map((watcher) => watcher.close()));
    await Promise.all([...this.building.values()].map((group) => group.end(BUILD_STOP_MS)));
    await Promise.all(this.cycles.values());
  }

  private changed(id: string, folder: string, path: string): void {
    const mine = (this.wanted.get(id) ?? 0) + 1;
    this.wanted.set(id, mine);
    // A build of the version before is of no use to anybody.
    void this.building.get(id)?.end(BUILD_STOP_MS);
    const isStale = (): boolean => this.isClosed || this.wanted.get(id) !== mine;
    const before = this.cycles.get(id) ?? Promise.resolve();
    this.cycles.set(
      id,
      before.then(() => (isStale() ? undefined : this.turn(id, folder, path, isStale))),
    );
  }

  private async turn(id: string, folder: string, path: string, isStale: () => boolean): Promise<void> {
    const { say, paint } = this.parts;
    try {
      const { build: command } = await readProject(folder);
      let took = '';
      if (command !== undefined) {
        const env = environment(folder, process.env, {}, {});
        const { ok, isStopped, said, seconds } = await build(command, folder, env, (group) => {
          this.building.set(id, group);
        });
        this.building.delete(id);
        if (!ok && !isStopped && !isStale()) {
          for (const line of said) say(`${paint.dim(`${id} │`)} ${printable(line)}`);
          say(paint.bad(`${id}: ${printable(path)} changed, and the build failed; waiting for a change`));
        }
        if (!ok || isStale()) return;
        took = `, built in ${seconds}`;
      }
      say(`${id}: ${printable(path)} changed${took}; ${await this.renew(id)}`);
    } catch (error) {
      say(paint.bad(`${id}: ${printable((error as Error).message)}`));
    }
  }

  /** Ends a shift of the version before, unless somebody's work is done in it. */
  private async renew(id: string): Promise<string> {
    const orchestrator = this.parts.installed()?.orchestrator;
    if (!orchestrator) return 'the next shift runs it';
    const options = { actor: 'dev', reason: 'its code has changed' };
    const { kind } = await orchestrator.engine.byHand.sleep(capsuleOf(id), options, false);
    return kind === 'at-work' ? 'it is at work, and its next shift runs it' : 'the next shift runs it';
  }
}
