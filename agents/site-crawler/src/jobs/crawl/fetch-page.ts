/** One polite request: redirects followed by hand, a byte limit, one deadline for all of it. */
import { LIMITS } from './limits';
import { resolveLink } from './site';

export interface Fetched {
  /** Where the redirects led, and each address on the way after the first. */
  url: string;
  redirects: string[];
  status: number;
  contentType: string;
  robotsHeader?: string;
  body: string;
  bytes: number;
  ms: number;
  truncated: boolean;
}

export interface FetchOptions {
  method?: 'GET' | 'HEAD';
  userAgent: string;
  maxBytes: number;
  /** One deadline for redirects and body, in milliseconds. */
  timeoutMs: number;
  signal: AbortSignal;
  /** Throws when a URL may not be requested. Called for each redirect's target, before it is requested. */
  allow(url: URL): Promise<void>;
}

/**
 * Fetches a URL. Bodies that are not text/html or text/plain are not read.
 * @throws on network errors, a passed deadline, more than LIMITS.redirects redirects, or when `allow` throws
 */
export async function fetchPage(start: string, options: FetchOptions): Promise<Fetched> {
  const startedAt = performance.now();
  const deadline = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, deadline]);
  const redirects: string[] = [];
  try {
    for (let url = start; ;) {
      const answer = await fetch(url, {
        method: options.method ?? 'GET',
        redirect: 'manual',
        signal,
        headers: {
          'user-agent': options.userAgent,
          accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.1',
        },
      });
      const target = redirectTarget(answer, url);
      if (!target) return await finish(answer, { url, redirects, startedAt, maxBytes: options.maxBytes });
      await answer.body?.cancel();
      if (redirects.includes(target.href) || target.href === start)
        throw new Error(`redirect loop at ${target.href}`);
      if (redirects.length >= LIMITS.redirects) throw new Error(`more than ${LIMITS.redirects} redirects`);
      await options.allow(target);
      redirects.push((url = target.href));
    }
  } catch (error) {
    if (deadline.aborted && !options.signal.aborted)
      throw new Error(`no complete answer within ${options.timeoutMs} ms`, { cause: error });
    throw error;
  }
}

function redirectTarget(answer: Response, base: string): URL | undefined {
  const location = answer.headers.get('location');
  if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return undefined;
  const target = resolveLink(location, base);
  if (!target) throw new Error('redirect to an address that is not http or https');
  return target;
}

async function finish(
  answer: Response,
  seen: { url: string; redirects: string[]; startedAt: number; maxBytes: number },
): Promise<Fetched> {
  const contentType = answer.headers.get('content-type') ?? '';
  const readable = /^(?:text\/html|text\/plain|application\/xhtml\+xml)\b/i.test(contentType);
  const read = readable
    ? await readBody(answer, seen.maxBytes)
    : { chunks: Buffer.alloc(0), truncated: false };
  if (!readable) await answer.body?.cancel();
  const robotsHeader = answer.headers.get('x-robots-tag');
  return {
    url: seen.url,
    redirects: seen.redirects,
    status: answer.status,
    contentType,
    ...(robotsHeader !== null && { robotsHeader }),
    body: decode(read.chunks, contentType),
    bytes: read.chunks.length,
    ms: Math.round(performance.now() - seen.startedAt),
    truncated: read.truncated,
  };
}

/** Reads at most `maxBytes` of the (decompressed) body; leaving the loop closes the connection. */
async function readBody(answer: Response, maxBytes: number): Promise<{ chunks: Buffer; truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) break;
  }
  return { chunks: Buffer.concat(chunks).subarray(0, maxBytes), truncated: size > maxBytes };
}

/** Decodes by the header's charset, else by what the document says of itself, else as UTF-8. */
function decode(body: Buffer, contentType: string): string {
  const declared =
    /charset="?([\w-]+)/i.exec(contentType)?.[1] ??
    /<meta[^>]+charset=["']?([\w-]+)/i.exec(body.toString('latin1', 0, 1024))?.[1];
  try {
    return new TextDecoder(declared ?? 'utf-8').decode(body);
  } catch (error) {
    if (error instanceof RangeError) return new TextDecoder().decode(body); // an encoding that nobody knows
    throw error;
  }
}
