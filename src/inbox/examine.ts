/** Looks at what was delivered: is it a result, is it signed, what is it about. */
import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { differences } from '../agent-check/shape';
import { AgentRunResult } from '../contract';
import { signatureFault, signatureHeaders } from '../standard-webhooks';
import type {
  BodyState,
  Delivery,
  DeliveryAttempt,
  DeliveryVerdict,
  ShapeVerdict,
  SignatureVerdict,
} from '../store/deliveries';
import { INBOX_LIMITS, MAX_DIFFERENCES } from './limits';
import { redactBody, redactHeaders, redactPath, redactText } from './redact';

/** A delivery as it came, secrets and all: never kept, never shown. */
export interface RawDelivery {
  bin: string;
  /** Epoch milliseconds. */
  receivedAt: number;
  method: string;
  /** With its query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** Undefined when it was refused before its body was read. */
  body: Buffer | undefined;
  answer: { status: number; text: string };
  /** Set where somebody looked already; else it is checked with the keys. */
  signature?: SignatureVerdict;
  /** A claim is no result, nor is a webhook that starts a run. Default: `result`. */
  kind?: 'result' | 'claim' | 'hook';
}

export interface Examination {
  /** Names the delivery from the start, so that its sender can be told. */
  id?: string;
  /** What its sender signs with; none: the signature is not checked. */
  keys: readonly string[];
  /** Everything that may appear in no record. */
  secrets: readonly string[];
  /** The attempt its token proves. */
  proved?: DeliveryAttempt;
}

export function examine(raw: RawDelivery, { id, keys, secrets, proved }: Examination): Delivery {
  const value = raw.body === undefined ? undefined : parse(raw.body);
  const shape = shapeOf(raw, value);
  const signature = raw.signature ?? signatureOf(raw, keys);
  const { body, bodyState } = keep(raw.body, secrets);
  const declared = Number(raw.headers['content-length'] ?? 0);
  return {
    id: id ?? randomUUID(),
    bin: raw.bin,
    receivedAt: raw.receivedAt,
    method: raw.method,
    path: redactText(redactPath(raw.path, raw.bin), secrets),
    verdict: verdictOf(shape, signature, raw.answer.status),
    signature,
    shape,
    answer: { status: raw.answer.status, text: redactText(raw.answer.text, secrets) },
    about: aboutOf(value),
    bodyBytes: raw.body?.length ?? (Number.isSafeInteger(declared) ? declared : 0),
    bodyState,
    ...(proved && { proved }),
    headers: redactHeaders(raw.headers, secrets),
    body,
  };
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined; // `shapeOf` says so
  }
}

function shapeOf({ kind, body }: RawDelivery, value: unknown): ShapeVerdict {
  if (kind === 'hook') return { kind: 'unchecked', reason: 'a webhook that starts a run, not a result' };
  if (kind === 'claim') return { kind: 'unchecked', reason: 'a claim, not a result' };
  if (body === undefined) return { kind: 'unchecked', reason: 'refused before its body was read' };
  if (value === undefined) {
    const saw = body.length === 0 ? 'empty' : 'not JSON';
    return {
      kind: 'differs',
      differences: [{ field: '', saw, expected: 'an AgentRunResult as JSON' }],
      more: 0,
    };
  }
  return resultShape(value);
}

/** Whether a value is an AgentRunResult, and where it is not. */
export function resultShape(value: unknown): ShapeVerdict {
  const found = differences(AgentRunResult, value);
  if (found.length === 0) return { kind: 'fits' };
  const listed = found.slice(0, MAX_DIFFERENCES);
  return { kind: 'differs', differences: listed, more: found.length - listed.length };
}

function signatureOf({ headers, body, receivedAt }: RawDelivery, keys: readonly string[]): SignatureVerdict {
  const signed = signatureHeaders(headers);
  if (!signed) return { kind: 'absent' };
  if (keys.length === 0 || body === undefined) return { kind: 'unchecked' };
  const reason = signatureFault(signed, body, keys, receivedAt);
  return reason === undefined ? { kind: 'valid' } : { kind: 'invalid', reason };
}

function verdictOf(shape: ShapeVerdict, signature: SignatureVerdict, status: number): DeliveryVerdict {
  if (signature.kind === 'invalid') return 'bad-signature';
  if (shape.kind === 'differs') return 'misshapen';
  return status >= 400 ? 'refused' : 'ok';
}

const MAX_ABOUT_CHARS = 200;

function aboutOf(value: unknown): Delivery['about'] {
  if (typeof value !== 'object' || value === null) return {};
  const { runId, stepId, status } = value as Record<string, unknown>;
  const named = Object.entries({ runId, stepId, status }).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return Object.fromEntries(named.map(([name, text]) => [name, text.slice(0, MAX_ABOUT_CHARS)]));
}

function keep(body: Buffer | undefined, secrets: readonly string[]): { body: Buffer; bodyState: BodyState } {
  if (body === undefined) return { body: Buffer.alloc(0), bodyState: 'unread' };
  const isCut = body.length > INBOX_LIMITS.bodyBytes;
  const begin = isCut ? body.subarray(0, INBOX_LIMITS.cutBytes) : body;
  const clean = redactBody(begin, secrets);
  if (isCut) return { body: Buffer.from(clean), bodyState: 'cut' };
  return { body: clean, bodyState: clean === body ? 'whole' : 'redacted' };
}
