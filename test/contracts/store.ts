import type { Store } from '../../src/store/store';
import { alertContract } from './store-alerts';
import { approvalContract } from './store-approvals';
import { auditContract } from './store-audit';
import { budgetContract } from './store-budgets';
import { breakerContract } from './store-breakers';
import { capsuleContract } from './store-capsules';
import { commitContract } from './store-commits';
import { costContract } from './store-costs';
import { flowContract } from './store-flow';
import { inboxContract } from './store-inbox';
import { keyContract } from './store-keys';
import { leaseContract } from './store-leases';
import { notificationContract } from './store-notifications';
import { observationContract } from './store-observations';
import { protocolContract } from './store-protocols';
import { recordContract } from './store-record';
import { redeployContract } from './store-redeploys';
import { releaseContract } from './store-releases';
import { replayContract } from './store-replays';
import { runContract } from './store-runs';
import { switchContract } from './store-switches';
import { verdictContract } from './store-verdicts';

/** A store of its own, empty, and what undoes it. */
export interface OpenStore {
  store: Store;
  close(): Promise<void>;
}

/**
 * What the engine relies on, whatever holds the record. Every store passes it: call it from a test
 * file with a function that opens an empty one.
 */
export function storeConformance(name: string, open: () => Promise<OpenStore>): void {
  describe(`store conformance: ${name}`, () => {
    let opened: OpenStore;
    beforeEach(async () => void (opened = await open()));
    afterEach(() => opened.close());
    const store = (): Store => opened.store;
    runContract(store);
    leaseContract(store);
    capsuleContract(store);
    recordContract(store);
    commitContract(store);
    flowContract(store);
    inboxContract(store);
    redeployContract(store);
    replayContract(store);
    alertContract(store);
    notificationContract(store);
    costContract(store);
    switchContract(store);
    breakerContract(store);
    approvalContract(store);
    protocolContract(store);
    auditContract(store);
    budgetContract(store);
    keyContract(store);
    releaseContract(store);
    verdictContract(store);
    observationContract(store);
  });
}
