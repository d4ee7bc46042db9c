/** The button, or the way, that lets a run go on. Nothing where only time does. */
import { post } from '../api/client';
import { may } from '../session';
import { ActionButton } from './actions';
import { mendOf } from './mend';
import { releaseSwitch } from './switches';

const closeBreaker = (agentId: string): Promise<unknown> =>
  post(`/agents/${encodeURIComponent(agentId)}/breaker/reset`);

/** @param reload once it is done */
export function MendButton({ why, reload }: { why: string; reload: () => void }) {
  const mend = mendOf(why);
  if (mend?.kind === 'budget') return <a href="/app/costs">Raise the budget</a>;
  if (mend?.kind === 'decision') return <a href="/app/inbox">Decide</a>;
  if (!mend || !may('operator')) return null;
  const release = async (): Promise<void> => {
    await (mend.kind === 'switch' ? releaseSwitch(mend.id) : closeBreaker(mend.agentId));
    reload();
  };
  return mend.kind === 'switch' ? (
    <ActionButton label="Turn on again" done="It is on again." action={release} />
  ) : (
    <ActionButton label="Close the breaker" done={`The work of ${mend.agentId} goes on.`} action={release} />
  );
}
