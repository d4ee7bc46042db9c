/** The process in the sandbox: a visit as JSON comes in, its report as JSON goes out. */
import { text } from 'node:stream/consumers';
import { visit, type VisitJob } from './visit';

export type Answer = { ok: true; report: unknown } | { ok: false; error: string };

async function main(): Promise<void> {
  const job = JSON.parse(await text(process.stdin)) as VisitJob;
  const answer: Answer = await visit(job).then(
    (report) => ({ ok: true as const, report }),
    (error: unknown) => ({ ok: false as const, error: (error as Error).stack ?? String(error) }),
  );
  process.stdout.write(JSON.stringify(answer), () => process.exit(0));
}

void main();
