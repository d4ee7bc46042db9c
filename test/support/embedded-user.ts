/**
 * A process that uses the embedded Postgres of a directory, for the tests of that:
 *
 *     node --require ./test/support/typescript.cjs test/support/embedded-user.ts <dataDir>
 *
 * prints what happens, then `url <url>`; on SIGTERM or SIGINT it stops, then prints `stopped`.
 */
import { startEmbeddedPostgres } from '../../src/store/embedded';

const print = (text: string) => void process.stdout.write(`${text}\n`);

async function main(dataDir: string): Promise<void> {
  const postgres = await startEmbeddedPostgres({ dataDir, log: print });
  const idle = setInterval(() => undefined, 60_000); // stands for the server that uses it
  const stop = () => {
    clearInterval(idle);
    // The process ends by itself when nothing keeps it: no exit here that could cut the stop short.
    void postgres.stop().then(() => print('stopped'));
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  print(`url ${postgres.url}`);
}

void main(process.argv[2] ?? '');
