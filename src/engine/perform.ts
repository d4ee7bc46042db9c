/** Which verb performs which command of a decision. */
import type { CapsuleState } from '../domain/capsule';
import type { CapsuleCommand } from '../domain/decide-capsule';
import type { RunCommand } from '../domain/decide-run';
import type { RunState } from '../domain/run';
import type { Approvals } from './approvals';
import type { Capsules } from './capsules';
import type { Overseer } from './approvals/oversight';
import type { Children } from './children';
import type { EngineDeps } from './context';
import type { Dispatcher } from './dispatch';
import type { Doubter } from './doubt';
import type { Flow } from './flow';
import type { Leases } from './lease';
import type { Signals } from './signals';
import type { Sleeper } from './sleep';
import type { Ticker } from './tick';
import type { Followers } from './triggers/followers';
import type { Waker } from './wake';

/** What performs; each is asked for when it is needed, as the engine is wired in a circle. */
export interface Verbs {
  leases: Leases;
  dispatcher: Dispatcher;
  doubter: Doubter;
  children: Children;
  signals: Signals;
  approvals: Approvals;
  overseer: Overseer;
  followers: Followers;
  flow: Flow;
  ticker: Ticker;
  waker: Waker;
  sleeper: Sleeper;
  capsules: Capsules;
}

export class Performer {
  constructor(
    private readonly deps: Pick<EngineDeps, 'queue' | 'clock'>,
    private readonly verbs: Verbs,
  ) {}

  run(run: RunState, command: RunCommand): Promise<unknown> {
    const { leases, dispatcher, doubter, children, signals, approvals, overseer, followers, flow } =
      this.verbs;
    switch (command.type) {
      case 'wake':
        return leases.want(command.capsuleId);
      case 'send':
        return dispatcher.send(run, command);
      case 'check':
        return dispatcher.check(run, command);
      case 'cancel-agent':
        return dispatcher.cancel(run, command);
      case 'doubt':
        return doubter.doubt(command);
      case 'children':
        return children.follow(run, command);
      case 'gather':
        return children.gather(run, command);
      case 'look':
        return signals.look(run, command);
      case 'tell':
        return approvals.tell(command.memo);
      case 'weigh':
        return overseer.weigh(command.act);
      case 'health':
        return this.verbs.capsules.apply(command.capsuleId, command.event);
      case 'todo':
        return command.todo.kind === 'start-followers'
          ? followers.start(run)
          : children.todo(run, command.todo);
      case 'admit':
        return flow.entered(run);
      case 'finished':
        return this.finished(run);
    }
  }

  capsule(capsule: CapsuleState, command: CapsuleCommand): Promise<unknown> {
    const { waker, sleeper, doubter, leases } = this.verbs;
    switch (command.type) {
      case 'scale-up':
        return waker.wake(capsule);
      case 'scale-down':
        return sleeper.scaleDown(capsule);
      case 'verify':
        return sleeper.verify(capsule);
      case 'evict':
        return doubter.evict(capsule, command.reason);
      case 'grant':
        return leases.grant(capsule.id);
      case 'fail-waiting':
        return leases.failWaiting(capsule.id, command.reason);
      case 'retry':
        return this.deps.queue.hint(
          { kind: 'capsule', id: capsule.id },
          Math.max(0, command.at - this.deps.clock.now()),
        );
    }
  }

  private async finished({ workflowId, flow }: RunState): Promise<void> {
    if (flow) await this.verbs.flow.release(workflowId);
    await this.verbs.ticker.release(workflowId);
  }
}
