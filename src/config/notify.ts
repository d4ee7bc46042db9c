/** The part of the configuration that says where people are told. */
import { z } from 'zod';
import { parseRules, type RoutingRule } from '../domain/notification';
import { baseUrl, connection, secret, words, type Kind } from './kinds';
import type { Secret } from './secret';
import type { Values, Variable, VariableName } from './variables';

export interface NotifyConfig {
  readonly slackUrl?: Secret;
  readonly telegram?: { readonly api: string; readonly token: Secret; readonly chat: string };
  readonly email?: { readonly server: Secret; readonly from: string; readonly to: readonly string[] };
  readonly webhook?: { readonly url: Secret; readonly secret: Secret };
  readonly pagerDuty?: { readonly api: string; readonly routingKey: Secret };
  readonly rules: readonly RoutingRule[];
}

const MIN_SIGNING_SECRET_LENGTH = 24;

function routingRules(): Kind<readonly RoutingRule[]> {
  const schema = () =>
    z
      .string()
      .transform((text, context) => {
        const read = parseRules(text);
        if ('rules' in read) return read.rules;
        context.addIssue({ code: 'custom', message: read.fault });
        return z.NEVER;
      })
      .default([]);
  return {
    schema,
    accepts:
      'channels and what they are told, e.g. "slack=*; pagerduty=error,missed-tick": severities (info, warning, error, critical; that and graver), kinds, beginnings of kinds with *, or *',
  };
}

/** Mail addresses, separated by commas; the address itself or `Name <address>`. */
function addresses(): Kind<readonly string[]> {
  const one = () => z.string().regex(/^[^\s@,<>]+@[^\s@,<>]+$|^[^<>@,]+ <[^\s@,<>]+@[^\s@,<>]+>$/);
  const schema = () =>
    z
      .string()
      .transform((list) => list.split(',').map((text) => text.trim()))
      .pipe(z.array(one()).min(1).max(50))
      .default([]);
  return { schema, accepts: 'mail addresses separated by commas' };
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'notify', ...kind, about });

export const NOTIFY_VARIABLES = {
  NOTIFY_SLACK_URL: variable(
    connection(['https:', 'http:']),
    'Where people are told of alerts and of what waits for them, as JSON {"text": "…"}: an incoming webhook of Slack or the like.',
  ),
  NOTIFY_TELEGRAM_TOKEN: variable(secret('the token of a bot'), 'Tells a Telegram chat as this bot.'),
  NOTIFY_TELEGRAM_CHAT: variable(words('the id of a chat, or the @name of a channel'), 'The Telegram chat.'),
  NOTIFY_TELEGRAM_API: variable(
    baseUrl(),
    'Base URL of a Bot API server of your own. Unset: https://api.telegram.org.',
  ),
  NOTIFY_SMTP_URL: variable(
    connection(['smtp:', 'smtps:']),
    'Tells by mail through this server: smtp://user:password@host:587 (STARTTLS) or smtps://….',
  ),
  NOTIFY_EMAIL_FROM: variable(addresses(), 'Who mails are from.'),
  NOTIFY_EMAIL_TO: variable(addresses(), 'Who mails go to.'),
  NOTIFY_WEBHOOK_URL: variable(
    connection(['https:', 'http:']),
    'Tells a service of your own, each message as JSON, signed by Standard Webhooks.',
  ),
  NOTIFY_WEBHOOK_SECRET: variable(
    secret(`at least ${MIN_SIGNING_SECRET_LENGTH} random characters`, MIN_SIGNING_SECRET_LENGTH),
    'Signs what NOTIFY_WEBHOOK_URL is sent.',
  ),
  NOTIFY_PAGERDUTY_KEY: variable(
    secret('the integration key of a service'),
    'Raises and resolves incidents by the Events API v2 of PagerDuty or of what takes the same.',
  ),
  NOTIFY_PAGERDUTY_API: variable(
    baseUrl(),
    'Base URL of the Events API. Unset: https://events.pagerduty.com; in Europe https://events.eu.pagerduty.com.',
  ),
  NOTIFY_ROUTES: variable(
    routingRules(),
    'Who is told what. Unset: every channel everything, PagerDuty from `error` on.',
  ),
} as const satisfies Record<string, Variable>;

type Need = (place: VariableName, problem: string, mend: string) => void;

/** Variables that say nothing without each other. */
const TOGETHER = [
  ['NOTIFY_TELEGRAM_TOKEN', 'NOTIFY_TELEGRAM_CHAT'],
  ['NOTIFY_SMTP_URL', 'NOTIFY_EMAIL_FROM', 'NOTIFY_EMAIL_TO'],
  ['NOTIFY_WEBHOOK_URL', 'NOTIFY_WEBHOOK_SECRET'],
] as const satisfies VariableName[][];

/** Tells `need` of what a channel lacks that is named in part. */
export function missingForNotify(isGiven: (name: VariableName) => boolean, need: Need): void {
  for (const group of TOGETHER) {
    const given = group.find(isGiven);
    if (given === undefined) continue;
    for (const name of group) need(name, `is not set, but ${given} is`, `Set it, or unset ${given}`);
  }
}

export function arrangeNotify(values: Values): { notify: NotifyConfig } {
  const { NOTIFY_SLACK_URL: slackUrl, NOTIFY_WEBHOOK_URL: url, NOTIFY_WEBHOOK_SECRET: signing } = values;
  const { NOTIFY_TELEGRAM_TOKEN: token, NOTIFY_TELEGRAM_CHAT: chat, NOTIFY_TELEGRAM_API: api } = values;
  const { NOTIFY_SMTP_URL: server, NOTIFY_EMAIL_FROM: from, NOTIFY_EMAIL_TO: to } = values;
  const { NOTIFY_PAGERDUTY_KEY: routingKey, NOTIFY_PAGERDUTY_API: pagerDutyApi } = values;
  return {
    notify: {
      rules: values.NOTIFY_ROUTES,
      ...(slackUrl && { slackUrl }),
      ...(token && chat && { telegram: { token, chat, api: api ?? 'https://api.telegram.org' } }),
      ...(server && from[0] && { email: { server, from: from[0], to } }),
      ...(url && signing && { webhook: { url, secret: signing } }),
      ...(routingKey && {
        pagerDuty: { routingKey, api: pagerDutyApi ?? 'https://events.pagerduty.com' },
      }),
    },
  };
}
