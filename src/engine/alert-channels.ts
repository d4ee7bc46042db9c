/** A channel that takes no messages is an alert of its own, told by the others. */
import { NOTIFY, type ChannelState } from '../notify';
import type { Alerts } from './alerts';

const ACTOR = 'notifier';

/** Raises or resolves the alert of a channel whose state has changed. */
export async function tellChannel(
  alerts: Pick<Alerts, 'raise' | 'resolve'>,
  { channel, failures, error }: ChannelState,
): Promise<void> {
  const key = { kind: 'channel-down', subject: channel } as const;
  if (failures < NOTIFY.downAfter) {
    await alerts.resolve(key, 'messages arrive again', ACTOR);
    return;
  }
  const message =
    `The channel ${channel} takes no messages: ${error ?? 'no answer'}. What it should tell waits for up to a day. ` +
    `Try it with "reveille notify test --channel ${channel}", and see GET /notifications?waiting=true.`;
  await alerts.raise({ ...key, message }, ACTOR);
}
