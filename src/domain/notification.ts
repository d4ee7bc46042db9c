/** Messages to people: what is said, how grave it is, and which channels it goes to. */
import type { Alert, AlertKey, NewAlert } from './alert';
import { alertEntity, alertText, severityOf } from './alert';

/** From the least to the gravest. */
export const SEVERITIES = ['info', 'warning', 'error', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const CHANNEL_NAMES = ['slack', 'telegram', 'email', 'webhook', 'pagerduty'] as const;
export type ChannelName = (typeof CHANNEL_NAMES)[number];

/** Longer parts are cut: a message is read on a telephone, and channels refuse long ones. */
export const MAX_TITLE = 200;
const MAX_FIELDS = 20;
const MAX_LINKS = 5;

export interface Notification {
  /** Said once: the same key again is not told anew. */
  key: string;
  /** What it is about, for the rules: an alert's kind, `approval`, `test`. */
  kind: string;
  severity: Severity;
  title: string;
  text: string;
  fields?: Record<string, string>;
  links?: Array<{ text: string; url: string }>;
  /** What is said about one thing is told in order; left out: the key. */
  thread?: string;
  /** `open`: this began; `over`: what began under the same thread is over. Left out: neither. */
  state?: 'open' | 'over';
  /** Not told there: what is wrong with a channel is told by the others. */
  except?: ChannelName;
  /** The run it is about, if it is one. */
  runId?: string;
}

/** A message that waits to be told in one channel. */
export interface OutboxRow {
  id: string;
  channel: ChannelName;
  key: string;
  thread: string;
  message: Notification;
  at: number;
  /** When it is given up. */
  deadline: number;
}

/** What a channel is told: one of these words has to fit. */
export interface RoutingRule {
  channel: ChannelName;
  /** `*`, a severity (that and graver), a kind, or the beginning of kinds followed by `*`. */
  words: readonly string[];
}

/** Without rules everything goes everywhere, but only what is grave wakes people up. */
const DEFAULT_WORDS: Readonly<Record<ChannelName, readonly string[]>> = {
  slack: ['*'],
  telegram: ['*'],
  email: ['*'],
  webhook: ['*'],
  pagerduty: ['error'],
};

/** The channels that a message goes to, of those there are. A channel without a rule, where others have one, gets nothing. */
export function channelsFor(
  message: Pick<Notification, 'kind' | 'severity' | 'except'>,
  rules: readonly RoutingRule[],
  present: readonly ChannelName[],
): ChannelName[] {
  const wordsOf = (channel: ChannelName) =>
    rules.length === 0
      ? DEFAULT_WORDS[channel]
      : rules.filter((rule) => rule.channel === channel).flatMap(({ words }) => words);
  return present.filter((channel) => {
    if (channel === message.except) return false;
    return message.kind === 'test' || wordsOf(channel).some((word) => fits(word, message));
  });
}

function fits(word: string, { kind, severity }: Pick<Notification, 'kind' | 'severity'>): boolean {
  if (word === '*' || word === kind) return true;
  if (word.endsWith('*')) return kind.startsWith(word.slice(0, -1));
  const least = SEVERITIES.indexOf(word as Severity);
  return least >= 0 && SEVERITIES.indexOf(severity) >= least;
}

/**
 * Reads rules as people write them: `slack=*; pagerduty=critical,missed-tick`.
 * @returns the rules, or what is wrong with them
 */
export function parseRules(text: string): { rules: RoutingRule[] } | { fault: string } {
  const rules: RoutingRule[] = [];
  for (const part of text.split(';').map((each) => each.trim())) {
    if (part === '') continue;
    const [name = '', list = '', ...more] = part.split('=').map((each) => each.trim());
    const channel = CHANNEL_NAMES.find((known) => known === name);
    if (!channel) return { fault: `"${name}" is no channel` };
    const words = list.split(',').map((word) => word.trim());
    if (more.length > 0 || words.some((word) => !/^[a-z][a-z-]*\*?$|^\*$/.test(word)))
      return { fault: `what goes to ${channel} is not a list of severities and kinds` };
    rules.push({ channel, words });
  }
  return { rules };
}

/** An alert that began, for people. */
export function raisedMessage(alert: NewAlert, key: string): Notification {
  const { kind, subject, message, runId } = alert;
  return {
    ...about(alert, key),
    ...(runId !== undefined && { runId }),
    state: 'open',
    title: title(`${kind}: ${subject}`),
    text: alertText(message),
  };
}

/** An alert that is over, for people. */
export function resolvedMessage(alert: AlertKey & Pick<Alert, 'resolution'>, key: string): Notification {
  const { kind, subject, resolution = 'over' } = alert;
  return {
    ...about(alert, key),
    state: 'over',
    title: title(`${kind}: ${subject}`),
    text: alertText(resolution),
  };
}

function about(alert: AlertKey, key: string) {
  const { kind, subject } = alert;
  const channel = CHANNEL_NAMES.find((name) => kind === 'channel-down' && name === subject);
  return {
    key,
    kind,
    severity: severityOf(kind),
    thread: alertEntity(alert),
    ...(channel && { except: channel }),
  };
}

/** Within the bounds that every channel takes. */
export function bounded(message: Notification): Notification {
  const { fields, links } = message;
  return {
    ...message,
    title: title(message.title),
    text: alertText(message.text),
    ...(fields && { fields: Object.fromEntries(Object.entries(fields).slice(0, MAX_FIELDS).map(cutField)) }),
    ...(links && { links: links.slice(0, MAX_LINKS) }),
  };
}

const cutField = ([name, value]: [string, string]): [string, string] => [title(name), alertText(value)];

/** One line. */
const title = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= MAX_TITLE ? line : `${line.slice(0, MAX_TITLE - 1)}…`;
};

const MARKS = { open: '⚠', over: '✓' } as const;

/** A message as plain text: what chats and mails show. */
export function plainText({ state, title: head, text, fields = {}, links = [] }: Notification): string {
  const mark = state ? `${MARKS[state]} ` : '';
  return [
    `${mark}${head}`,
    text,
    ...Object.entries(fields).map(([name, value]) => `${name}: ${value}`),
    ...links.map((link) => `${link.text}: ${link.url}`),
  ].join('\n');
}

/** How long after the `tries`-th failure it is tried again: 1 s doubled up to 10 min, 20 % either way. */
export function retryMs(tries: number, random: number, retryAfterMs = 0): number {
  const base = Math.min(1_000 * 2 ** Math.min(tries - 1, 20), 600_000);
  return Math.max(retryAfterMs, Math.round(base * (0.8 + 0.4 * random)));
}
