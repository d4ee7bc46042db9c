import { useStore } from './live/store';
import { live } from './live/events';
import { timeText } from './parts/time';

/** Says so when what is shown may be old. */
export function LiveBanner() {
  const connection = useStore(live.connection);
  return (
    <div role="status" class="banner-place">
      {connection.state === 'stale' && (
        <div class="banner tone-held">
          <span aria-hidden="true">⚠ </span>
          Stale since {timeText(new Date(connection.since).toISOString())}: no connection to the orchestrator.
          Trying again…
        </div>
      )}
    </div>
  );
}
