import type { Pool, QueryResultRow } from 'pg';
import type { Observation } from '../../domain/drift';
import type { ObservationStore } from '../observations';

interface Row extends QueryResultRow, Observation {
  id: string;
}

/** What the platform was last seen to run. */
export class ObservationQueries {
  constructor(private readonly pool: Pool) {}

  /** As the store offers them. */
  store(): ObservationStore {
    return {
      noteObserved: (capsuleId, running, at) => this.note(capsuleId, running, at),
      observations: () => this.all(),
    };
  }

  /** Two processes may look at once: the later look counts. */
  private async note(capsuleId: string, running: number | null, at: number): Promise<void> {
    await this.pool.query(
      `INSERT INTO capsule_observations AS known (capsule_id, running, since, at) VALUES ($1, $2, $3, $3)
       ON CONFLICT (capsule_id) DO UPDATE SET running = $2, at = $3,
           since = CASE WHEN known.running IS NOT DISTINCT FROM $2 THEN known.since ELSE $3 END
         WHERE known.at <= $3`,
      [capsuleId, running, at],
    );
  }

  private async all(): Promise<Map<string, Observation>> {
    const { rows } = await this.pool.query<Row>(
      'SELECT capsule_id AS id, running, since, at FROM capsule_observations',
    );
    return new Map(rows.map(({ id, running, since, at }) => [id, { running, since, at }]));
  }
}
