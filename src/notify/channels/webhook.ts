/** A webhook of one's own, signed by Standard Webhooks; each message for itself, with the same id at every try. */
import type { Secret } from '../../config/secret';
import type { Channel } from '../channel';
import { post } from '../post';
import { signedHeaders } from '../../standard-webhooks';

export function webhookChannel(url: Secret, secret: Secret, now: () => number): Channel {
  return {
    name: 'webhook',
    batch: 1,
    send: async ([first]) => {
      if (!first) return { ok: true };
      const { key: _key, except: _except, ...data } = first.message;
      const type = `reveille.${first.message.kind}`;
      const body = JSON.stringify({ type, timestamp: new Date(first.at).toISOString(), data });
      return post(url.reveal(), body, { headers: signedHeaders(first.id, body, secret.reveal(), now()) });
    },
    close: async () => undefined,
  };
}
