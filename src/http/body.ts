/** Reads a JSON body: type and size are checked before it is parsed, content before it is stored. */
import express, { type Request, type RequestHandler } from 'express';
import { replaceUnstorable } from '../store/json';
import { Problem } from './problems';

/** Deeper nesting serves nobody and overflows the stack of whatever walks it. */
const MAX_DEPTH = 64;

/** Collects the bytes. What is too large is refused by its Content-Length, or where it crosses the limit. */
export function readBody(limitBytes: number): RequestHandler[] {
  const raw = express.raw({ type: () => true, limit: limitBytes, inflate: false });
  const isJson: RequestHandler = (req, _res, next) => {
    const empty = req.headers['content-length'] === '0' || req.is('*/*') === null;
    if (!empty && !(req.is(['application/json', 'application/*+json']) && isUtf8(req))) {
      throw new Problem('unsupported-media-type', { detail: `Content-Type is ${contentType(req)}.` });
    }
    next();
  };
  return [isJson, raw];
}

/** Collects the bytes of a body of any type. */
export const readAnyBody = (limitBytes: number): RequestHandler[] => [
  express.raw({ type: () => true, limit: limitBytes, inflate: false }),
];

/** JSON is UTF-8, said or unsaid. */
const isUtf8 = (req: Request): boolean => {
  const charset = /;\s*charset="?([^\s";]+)/i.exec(req.headers['content-type'] ?? '')?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
};

const contentType = (req: Request): string =>
  req.headers['content-type']?.slice(0, 100).replace(/[^\x20-\x7e]/g, '?') ?? 'missing';

/** The bytes that `readBody` collected. */
export const rawBodyOf = (req: Request): Buffer => (Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0));

/**
 * Parses JSON text. NUL and halves of surrogate pairs are valid in JSON and cannot be stored as text:
 * the store replaces them in what agents deliver; what people send is refused, as the mistake it is.
 * @throws Problem
 */
export function parseJson(raw: Buffer, unstorable: 'let-in' | 'refuse'): unknown {
  const value = parse(raw.toString('utf8'));
  if (isDeeper(value, MAX_DEPTH)) {
    throw new Problem('invalid-json', { detail: `It is nested more than ${MAX_DEPTH} levels deep.` });
  }
  if (unstorable === 'refuse') {
    const json = JSON.stringify(value);
    if (replaceUnstorable(json) !== json) {
      throw new Problem('invalid-json', { detail: 'It holds a NUL character or half of a surrogate pair.' });
    }
  }
  return value;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // The parser's message quotes the body, which may hold secrets.
    throw new Problem('invalid-json', { detail: 'It cannot be parsed.', cause });
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeper(member, levels - 1));
}
