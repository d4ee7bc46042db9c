/**
 * The record's part of redeploys: which request became which build, so that the same request never
 * starts a second one and two requests never start one each. What became of a build is the
 * platform's to say, and who asked for it the ledger's.
 */
import type { LedgerEntry } from '../domain/ledger';

export interface RedeployClaim {
  agentId: string;
  /** The idempotency key, or something unique where the request has none. */
  key: string;
  /** Of the request the key came with. */
  fingerprint: string;
  /** Names the redeploy in the ledger. */
  id: string;
  at: number;
  /** The capsule's newest build before; a newer one without a redeploy may be this one's. */
  newestBefore?: string;
  /** Claims made before that and never settled count as given up: their process is gone. */
  staleBefore: number;
}

export type RedeployRecord = Pick<RedeployClaim, 'id' | 'fingerprint' | 'at' | 'newestBefore'> & {
  /** The platform's build; absent while it is being asked for, or when its answer was lost. */
  buildId?: string;
  /** Whether the platform is being asked right now. */
  open: boolean;
};

export type ClaimResult =
  /** Ask the platform, then settle or drop the claim. */
  | { kind: 'claimed' }
  /** The key was used before. */
  | { kind: 'known'; record: RedeployRecord }
  /** Another request for this agent is asking the platform. */
  | { kind: 'busy' };

/** A build that was asked for here and has no known end. */
export interface FollowedBuild {
  /** Of the redeploy. */
  id: string;
  agentId: string;
  buildId: string;
  /** When it was asked for. */
  at: number;
}

export interface RedeployEnd {
  at: number;
  status: 'succeeded' | 'failed' | 'unknown';
}

export interface RedeployStore {
  /** Takes the right to start one build for an agent. */
  claimRedeploy(claim: RedeployClaim): Promise<ClaimResult>;
  /** Closes a claim: with the build it became, or without when it is not known whether one began. */
  settleRedeploy(id: string, buildId?: string): Promise<void>;
  /** Forgets a claim that certainly started nothing: its key may be used again. */
  dropRedeploy(id: string): Promise<void>;
  /** Builds without a known end, the oldest first. */
  followedBuilds(limit: number): Promise<FollowedBuild[]>;
  /** Writes down how a build ended, once, with its ledger entry. Answers whether this was that once. */
  endRedeploy(id: string, end: RedeployEnd, entry: LedgerEntry): Promise<boolean>;
}
