/** Events of one run that came close together are one change. */
import { decideRun, type RunContext, type RunDecision, type RunEvent } from '../domain/decide-run';
import type { RunState } from '../domain/run';

export type Combined = RunDecision & { changedEarlier: boolean };

/** One decision out of several events, the last of which the outcome tells of. */
export function decideAll(state: RunState, events: readonly RunEvent[], context: RunContext): Combined {
  let all: Combined = {
    state,
    outcome: 'unchanged',
    leases: [],
    waits: [],
    commands: [],
    memos: [],
    acts: [],
    words: [],
    changedEarlier: false,
  };
  for (const event of events) {
    const next = decideRun(all.state, event, context);
    all = {
      ...next,
      leases: joined(all.leases, next.leases),
      waits: joined(all.waits, next.waits),
      commands: joined(all.commands, next.commands),
      // Of each memo as it is in the end.
      memos: joined(
        all.memos.filter((m) => !next.memos.some((n) => n.id === m.id)),
        next.memos,
      ),
      acts: joined(all.acts, next.acts),
      words: joined(all.words, next.words),
      changedEarlier: all.changedEarlier || all.outcome === 'changed',
    };
  }
  return all;
}

const joined = <T>(first: T[], second: T[]): T[] => (first.length === 0 ? second : [...first, ...second]);
