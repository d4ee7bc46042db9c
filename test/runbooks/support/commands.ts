/**
 * The `reveille` command as a process that stays: a second a command is spared, which is what it takes to load.
 * `POST /` with `{ argv, env }` runs one command and answers `{ code, output }`; one after the other.
 */
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { createProgram } from '../../../src/cli/program';
import { run } from '../../../src/cli/run';

export interface CommandRequest {
  argv: string[];
  env: Record<string, string>;
}

export interface CommandResult {
  code: number;
  /** Of both streams, in order. */
  output: string;
}

/** Keeps what is written instead of writing it. Answers how to undo that. */
function divert(stream: NodeJS.WriteStream, keep: (text: string) => void): () => void {
  const own = Object.getOwnPropertyDescriptor(stream, 'write');
  stream.write = (text: string | Uint8Array, ...rest: unknown[]) => {
    keep(Buffer.from(text as Uint8Array).toString('utf8'));
    const done = rest.find((r): r is () => void => typeof r === 'function');
    done?.();
    return true;
  };
  return () => {
    if (own) Object.defineProperty(stream, 'write', own);
    else Reflect.deleteProperty(stream, 'write');
    // Each run of the program adds one, as a process runs it once.
    stream.removeAllListeners('error');
  };
}

async function perform({ argv, env }: CommandRequest): Promise<CommandResult> {
  Object.assign(process.env, env);
  process.exitCode = 0;
  let output = '';
  const undo = [process.stdout, process.stderr].map((stream) => divert(stream, (text) => (output += text)));
  try {
    await run(createProgram(), [process.execPath, 'reveille', ...argv]);
    return { code: Number(process.exitCode), output };
  } finally {
    for (const step of undo) step();
  }
}

let last: Promise<unknown> = Promise.resolve();

const server = createServer((request, response) => {
  void (async () => {
    const asked = (await json(request)) as CommandRequest;
    const turn = last.then(() => perform(asked));
    last = turn.catch(() => undefined);
    response.end(JSON.stringify(await turn));
  })().catch((error: unknown) => response.writeHead(500).end(String(error)));
});

server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`up http://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
});
