/** The record's part about what the platform was last seen to run. */
import type { Observation } from '../domain/drift';

export interface ObservationStore {
  /** Notes how many replicas of a capsule were seen to run; null: it could not be told. */
  noteObserved(capsuleId: string, running: number | null, at: number): Promise<void>;
  /** What was last seen of each capsule that was looked at, by its id. */
  observations(): Promise<Map<string, Observation>>;
}
