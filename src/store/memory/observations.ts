import type { Observation } from '../../domain/drift';
import type { ObservationStore } from '../observations';

/** What the platform was last seen to run, in memory. */
export function memoryObservations(): ObservationStore {
  const seen = new Map<string, Observation>();
  return {
    noteObserved: async (capsuleId, running, at) => {
      const known = seen.get(capsuleId);
      if (known && known.at > at) return;
      seen.set(capsuleId, { running, since: known?.running === running ? known.since : at, at });
    },
    observations: async () => new Map([...seen].map(([id, observation]) => [id, { ...observation }])),
  };
}
