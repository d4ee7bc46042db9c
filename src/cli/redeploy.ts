/** `reveille redeploy <agent>`: builds and deploys an agent, and follows the build to its end. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { apiOf, DEFAULT_URL, overApi, type ApiClient, type ApiOptions } from './client';
import { CliError, EXIT } from './exit';
import { seconds } from './options';
import { print, printable, printJson } from './output';

const POLL_MS = 2_000;
const DEFAULT_TIMEOUT_SECONDS = 1_800;
/** Reads that fail in a row before the build is given up; the build itself goes on. */
const MAX_FAILED_READS = 5;
/** How long a build may stay in a state nobody here understands. */
const MAX_UNKNOWN_READS = 30;
const LOG_LINES = 40;

const Build = z.object({
  buildId: z.string(),
  agentId: z.string(),
  capsuleId: z.string(),
  status: z.enum(['queued', 'building', 'succeeded', 'failed', 'unknown']),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  branch: z.string().nullable(),
  commit: z.string().nullable(),
  log: z.array(z.string()).nullable().optional(),
});
type Build = z.infer<typeof Build>;

interface RedeployOptions extends ApiOptions {
  wait: boolean;
  force: boolean;
  build?: string;
  timeout: number;
}

export const redeployCommand = (): Command =>
  overApi(
    new Command('redeploy')
      .description("build and deploy the head of an agent's branch on its platform")
      .argument('<agent>', 'its id in the registry')
      .option('--wait', 'follow the build; exit code 0 when it succeeded', false)
      .option('--force', 'also while a job is at work on the agent: the new version interrupts it', false)
      .option('--build <id>', 'follow a build that is under way instead of starting one')
      .option('--timeout <seconds>', 'how long to follow it', seconds, DEFAULT_TIMEOUT_SECONDS),
  ).action(async (agent: string, options: RedeployOptions) => {
    const { build, force } = options;
    const api = apiOf(options);
    const first = build === undefined ? await start(api, agent, force) : await read(api, agent, build, 0);
    const follow = options.wait || build !== undefined;
    const last = follow ? await followed(api, first, options) : first;
    if (options.json) printJson(last);
    else if (!follow) {
      print(`${last.agentId}  build ${printable(last.buildId)}  ${last.status}`);
      print(howToFollow(last, options));
    }
    process.exitCode = last.status === 'failed' ? EXIT.failed : EXIT.ok;
  });

const pathOf = (agent: string): string => `/agents/${encodeURIComponent(agent)}`;

function start(api: ApiClient, agent: string, force: boolean): Promise<Build> {
  const headers = { 'idempotency-key': randomUUID() };
  return api.post(`${pathOf(agent)}/redeploy`, Build, { headers, ...(force && { body: { force } }) });
}

function read(api: ApiClient, agent: string, buildId: string, logLines: number): Promise<Build> {
  const query = { logLines };
  return api.get(`${pathOf(agent)}/builds/${encodeURIComponent(buildId)}`, Build, { query });
}

/** Follows a build to its end. @throws CliError when it cannot be read any more, or takes too long */
async function followed(api: ApiClient, build: Build, options: RedeployOptions): Promise<Build> {
  const { timeout, json } = options;
  const line = json ? undefined : new LiveLine(process.stdout);
  const startedAt = Date.now();
  const again = howToFollow(build, options);
  let failedReads = 0;
  let unknownReads = 0;
  let now = build;
  try {
    for (;;) {
      line?.show(now, Date.now() - startedAt);
      if (now.status === 'succeeded' || now.status === 'failed') break;
      unknownReads = now.status === 'unknown' ? unknownReads + 1 : 0;
      if (unknownReads > MAX_UNKNOWN_READS) {
        throw new CliError('The platform does not say what became of the build.', { lines: [again] });
      }
      if (Date.now() - startedAt + POLL_MS > timeout * 1_000) {
        throw new CliError(`The build is not over after ${timeout} s; it goes on.`, {
          lines: [again],
          exitCode: EXIT.timedOut,
        });
      }
      await delay(POLL_MS);
      try {
        now = await read(api, now.agentId, now.buildId, 0);
        failedReads = 0;
      } catch (error) {
        failedReads += 1;
        if (failedReads > MAX_FAILED_READS || !(error instanceof CliError)) throw error;
      }
    }
  } finally {
    line?.end();
  }
  if (now.status === 'failed') return explained(api, now, json);
  if (!json) print(`${now.agentId} runs the new version from its next start on.`);
  return now;
}

/** A failed build, with the end of its log on standard error. */
async function explained(api: ApiClient, build: Build, json: boolean): Promise<Build> {
  const detail = await read(api, build.agentId, build.buildId, LOG_LINES).catch((error: unknown) => {
    if (error instanceof CliError) return build;
    throw error;
  });
  if (json) return detail;
  const log = detail.log ?? ['The platform does not tell what the build printed.'];
  process.stderr.write(log.map((text) => `  ${printable(text)}\n`).join(''));
  process.stderr.write('The build failed. What was deployed before stays.\n');
  return detail;
}

function howToFollow({ agentId, buildId }: Build, { url }: ApiOptions): string {
  const known = [DEFAULT_URL, process.env['REVEILLE_URL']].includes(url);
  const where = known ? '' : ` --url ${url}`;
  return `Follow it with: reveille redeploy ${agentId} --build ${printable(buildId)}${where}`;
}

/** One line that is written over in a terminal; elsewhere a line for each change. */
class LiveLine {
  private shown = '';
  private state = '';

  constructor(private readonly stream: NodeJS.WriteStream) {}

  show({ agentId, buildId, status, branch, commit }: Build, elapsedMs: number): void {
    const of = [branch, commit?.slice(0, 7)].filter((part) => part).join('@');
    const text = `${agentId}  build ${buildId}  ${status}${of && `  ${of}`}`;
    const line = `${printable(text)}  ${Math.round(elapsedMs / 1_000)} s`;
    if (this.stream.isTTY) this.stream.write(`\r${line.padEnd(this.shown.length)}`);
    else if (status !== this.state) this.stream.write(`${line}\n`);
    this.shown = line;
    this.state = status;
  }

  end(): void {
    if (this.stream.isTTY && this.shown !== '') this.stream.write('\n');
  }
}
