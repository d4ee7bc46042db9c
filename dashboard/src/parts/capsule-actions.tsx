/** Waking a capsule and putting it to sleep by hand, by the API's own paths. */
import { post } from '../api/client';
import type { Capsule } from '../api/types';
import { may } from '../session';
import { ActionButton } from './actions';

const path = (id: string): string => `/capsules/${encodeURIComponent(id)}`;

export const wakeCapsule = (id: string): Promise<Capsule> =>
  post<Capsule>(`${path(id)}/wake`, { reason: 'in the dashboard' });

export const sleepCapsule = (id: string, force = false): Promise<Capsule> =>
  post<Capsule>(`${path(id)}/sleep`, { reason: 'put to sleep in the dashboard', force });

interface Props {
  capsule: Pick<Capsule, 'id' | 'agentId' | 'status' | 'activity' | 'handHeldUntil'>;
  reload: () => void;
}

/** What fits its status. One at work is let finish: whoever insists says so on the command line. */
export function CapsuleActions({ capsule, reload }: Props) {
  const { id, agentId, status, activity, handHeldUntil } = capsule;
  if (!may('operator')) return null;
  const after = (action: () => Promise<Capsule>) => async (): Promise<void> => {
    await action();
    reload();
  };
  const isUp = status === 'awake' || status === 'waking';
  const atWork = activity.held + activity.waiting > 0;
  return (
    <p class="buttons">
      {(status === 'asleep' || (isUp && handHeldUntil !== null)) && (
        <ActionButton
          label={isUp ? '15 min more' : 'Wake'}
          done={`${agentId} is woken, and sleeps again in 15 minutes.`}
          action={after(() => wakeCapsule(id))}
        />
      )}
      {isUp && !atWork && <SleepNow id={id} agentId={agentId} reload={reload} />}
    </p>
  );
}

export const SleepNow = ({ id, agentId, reload }: { id: string; agentId: string; reload: () => void }) => (
  <ActionButton
    kind="danger"
    label="Sleep now"
    done={`${agentId} is put to sleep.`}
    action={async () => {
      await sleepCapsule(id);
      reload();
    }}
  />
);
