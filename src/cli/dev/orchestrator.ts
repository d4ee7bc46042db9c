/** The orchestrator of a development: started, and again after each change of the registry, one thing at a time. */
import { build, secondsSince } from '../agent/dev/build';
import { ROOT } from '../local/installation';
import { counted, printable } from '../output';
import type { Paint } from '../terminal';
import { readRegistry, start, type Installed, type Place } from './installed';
import { EventLines } from './lines';

export interface DevParts {
  place: Place;
  /** A line about the development itself. */
  say: (text: string) => void;
  print: (line: string) => void;
  paint: Paint;
}

export class DevOrchestrator {
  private current: Installed | undefined;
  private cycle: Promise<void> = Promise.resolve();
  private wanted = 0;
  private isClosed = false;

  constructor(private readonly parts: DevParts) {}

  /** What runs now; undefined while nothing can. */
  get installed(): Installed | undefined {
    return this.current;
  }

  /** Reads the registry and starts with it. What ran before goes on where that fails. @param why what changed */
  reload(why?: string): Promise<void> {
    this.wanted += 1;
    const mine = this.wanted;
    this.cycle = this.cycle.then(() => this.turn(mine, why));
    return this.cycle;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.cycle;
    await this.current?.close();
    this.current = undefined;
  }

  private async turn(mine: number, why: string | undefined): Promise<void> {
    // Of several changes the last one brings them all.
    if (this.isClosed || mine !== this.wanted) return;
    const { say, paint, place } = this.parts;
    if (why !== undefined) say(paint.dim(`${printable(why)} changed`));
    const startedAt = performance.now();
    try {
      if (!(await this.built())) return;
      const registry = readRegistry(place);
      await this.current?.close();
      this.current = undefined;
      this.current = await start(place, registry);
      this.follow(this.current);
      this.greet(this.current, secondsSince(startedAt));
    } catch (error) {
      for (const line of (error as Error).message.split('\n')) say(paint.bad(printable(line)));
      say(this.current ? 'the version before goes on; waiting for a change' : 'waiting for a change');
    }
  }

  private async built(): Promise<boolean> {
    const { say, paint, place } = this.parts;
    if (place.source.build === undefined) return true;
    const { ok, said } = await build(place.source.build, ROOT, process.env, () => undefined);
    if (ok) return true;
    for (const line of said) say(printable(line));
    say(paint.bad('the registry could not be built; waiting for a change'));
    return false;
  }

  private follow({ orchestrator }: Installed): void {
    const lines = new EventLines(this.parts.print, this.parts.paint);
    orchestrator.events.on('run', (run) => lines.run(run));
    orchestrator.events.on('capsule', (capsule) => lines.capsule(capsule));
  }

  private greet({ orchestrator: { url }, registry }: Installed, took: string): void {
    const { say, paint } = this.parts;
    const { agents, workflows } = registry;
    const what = `${counted(agents.length, 'agent')} at zero replicas, ${counted(workflows.length, 'workflow')}`;
    say(`${paint.good('ready')} ${paint.dim(`after ${took}: ${what}`)}`);
    say(`${url}  ${paint.dim(`the dashboard; ${url}/app/inbox what agents delivered`)}`);
    const [first] = workflows;
    if (first) say(`try: npx reveille run ${first.id} --url ${url} --watch`);
  }
}
