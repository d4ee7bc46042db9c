/** The channels that are configured. */
import type { Secret } from '../../config/secret';
import type { ChannelName } from '../../domain/notification';
import type { Channel } from '../channel';
import { emailChannel } from './email';
import { pagerDutyChannel } from './pagerduty';
import { slackChannel } from './slack';
import { telegramChannel } from './telegram';
import { webhookChannel } from './webhook';

/** Where people are told. Addresses come from the configuration alone. */
export interface ChannelsConfig {
  readonly slackUrl?: Secret;
  readonly telegram?: { readonly api: string; readonly token: Secret; readonly chat: string };
  readonly email?: { readonly server: Secret; readonly from: string; readonly to: readonly string[] };
  readonly webhook?: { readonly url: Secret; readonly secret: Secret };
  readonly pagerDuty?: { readonly api: string; readonly routingKey: Secret };
}

export type Channels = ReadonlyMap<ChannelName, Channel>;

/**
 * @param source names this installation where a service asks who speaks
 * @param now epoch milliseconds
 */
export function openChannels(config: ChannelsConfig, source: string, now: () => number): Channels {
  const { slackUrl, telegram, email, webhook, pagerDuty } = config;
  const channels = [
    slackUrl && slackChannel(slackUrl),
    telegram && telegramChannel(telegram),
    email && emailChannel(email),
    webhook && webhookChannel(webhook.url, webhook.secret, now),
    pagerDuty && pagerDutyChannel({ ...pagerDuty, source }),
  ];
  return new Map(channels.flatMap((channel) => (channel ? [[channel.name, channel] as const] : [])));
}
