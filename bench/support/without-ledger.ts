/** For one figure alone: an orchestrator that tells its store nothing for the ledger. */
import { GroupCommit } from '../../src/store/postgres/commit';

/**
 * From here on, changes of this process are committed without entries: none is put into text, sent, chained or
 * stored. What stays is the lock at the end of the ledger, which orders commits whatever is written there.
 */
export function dropLedger(): void {
  const { prototype } = GroupCommit;
  const commit = Object.getOwnPropertyDescriptor(prototype, 'commit')?.value as GroupCommit['commit'];
  prototype.commit = function (this: GroupCommit, change) {
    return commit.call(this, { ...change, ledger: [] });
  };
}
