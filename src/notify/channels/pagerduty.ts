/** PagerDuty's Events API v2: an alert that begins triggers, its end resolves, by the thread as the key. */
import { createHash } from 'node:crypto';
import type { Secret } from '../../config/secret';
import type { Notification } from '../../domain/notification';
import type { Channel } from '../channel';
import { post } from '../post';

/** The API's bounds. */
const MAX_SUMMARY = 1_024;
const MAX_DEDUP_KEY = 255;

export interface PagerDutyOptions {
  /** Base URL, without a slash at its end; it differs by region. */
  api: string;
  routingKey: Secret;
  /** Which installation speaks. */
  source: string;
}

export function pagerDutyChannel({ api, routingKey, source }: PagerDutyOptions): Channel {
  return {
    name: 'pagerduty',
    batch: 1,
    send: async ([first]) => {
      if (!first) return { ok: true };
      const { message, at } = first;
      const event = {
        routing_key: routingKey.reveal(),
        event_action: message.state === 'over' ? 'resolve' : 'trigger',
        dedup_key: dedupKey(message.thread ?? message.key),
        payload: {
          summary: summary(message),
          source,
          severity: message.severity,
          timestamp: new Date(at).toISOString(),
          class: message.kind,
          custom_details: { ...message.fields, text: message.text },
        },
        links: (message.links ?? []).map(({ text, url }) => ({ href: url, text })),
      };
      return post(`${api}/v2/enqueue`, JSON.stringify(event));
    },
    close: async () => undefined,
  };
}

const summary = ({ title, text }: Notification): string => `${title}: ${text}`.slice(0, MAX_SUMMARY);

const dedupKey = (thread: string): string =>
  thread.length <= MAX_DEDUP_KEY ? thread : createHash('sha256').update(thread).digest('hex');
