/**
 * The way out while calls are recorded, or models are asked: the recorder, cut off with the agent, hands each call to
 * the process that started it, through a socket in the file system; that one makes it for real.
 */
import { createServer, request as ask, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { buffer, json } from 'node:stream/consumers';
import { z } from 'zod';
import { MAX_CALL_BYTES } from './calls';

const CALL_MS = 60_000;
/** Of one connection, and of who sends or receives: none of their business. */
const HOP_BY_HOP =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|content-length|expect|accept-encoding)$/i;

const Pairs = z.array(z.tuple([z.string(), z.string()]));
const Asked = z.object({
  method: z.string(),
  url: z.url({ protocol: /^https?$/ }),
  headers: Pairs,
  body: z.string(),
});
const Answered = z.union([
  z.object({ status: z.number(), headers: Pairs, body: z.base64() }),
  /** Why there is no answer. */
  z.object({ error: z.string() }),
]);
export type Asked = z.infer<typeof Asked>;
export type Answered = z.infer<typeof Answered>;

/**
 * Opens the door. Whoever may write to the socket may call what it lets through, and the agent may.
 * @param hosts what it lets through; left out, anything
 */
export async function openDoor(path: string, hosts?: readonly string[]): Promise<Server> {
  const server = createServer((req, res) => {
    const answer = async (): Promise<Answered> => callOutside(Asked.parse(await json(req)), hosts);
    void answer()
      .catch((error: Error): Answered => ({ error: error.message }))
      .then((told) => res.setHeader('content-type', 'application/json').end(JSON.stringify(told)));
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}

async function callOutside(
  { method, url, headers, body }: Asked,
  hosts: readonly string[] | undefined,
): Promise<Answered> {
  const { host } = new URL(url);
  if (hosts && !hosts.includes(host)) return { error: `${host} is none of those that may be asked` };
  const content = Buffer.from(body, 'base64');
  const answer = await fetch(url, {
    method,
    headers: headers.filter(([name]) => !HOP_BY_HOP.test(name)),
    ...(content.length > 0 && { body: content }),
    redirect: 'manual',
    signal: AbortSignal.timeout(CALL_MS),
  }).catch((error: Error) => {
    const { code, message } = (error.cause ?? {}) as { code?: string; message?: string };
    return { error: message || code || error.message };
  });
  if ('error' in answer) return answer;
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > MAX_CALL_BYTES) return { error: `its answer is longer than ${MAX_CALL_BYTES} bytes` };
    chunks.push(chunk);
  }
  const told = [...answer.headers].filter(([name]) => !HOP_BY_HOP.test(name) && name !== 'content-encoding');
  return { status: answer.status, headers: told, body: Buffer.concat(chunks).toString('base64') };
}

/** From inside. */
export async function throughDoor(path: string, asked: Asked): Promise<Answered> {
  const req = ask({
    ...{ socketPath: path, method: 'POST', path: '/', signal: AbortSignal.timeout(2 * CALL_MS) },
    headers: { 'content-type': 'application/json', connection: 'close' },
  });
  req.end(JSON.stringify(asked));
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return Answered.parse(JSON.parse((await buffer(res)).toString('utf8')));
}
