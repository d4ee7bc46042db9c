/** Whether a booted slot may take traffic: its endpoint, one real request, its smoke test, its schema. */
import { existsSync, realpathSync } from 'node:fs';
import { extname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { runToEnd, type AppProcess, type Launch } from './app-process';
import { call } from './call';
import { isBelow, type AppContract } from './config';
import { internalOf, type Ports } from './environment';
import { messageOf, StageError } from './errors';

/**
 * Between two looks at an app that is still starting: a share of what it has taken so far, so that a quick app is
 * live at once and a slow one is not kept from its start by our looking.
 */
const LOOK_SHARE = 0.05;
const LOOK_MIN_MS = 3;
const LOOK_MAX_MS = 100;
/** One look: an app that hangs must not use up the whole time. */
const LOOK_MS = 2_000;

/** What was seen of an app's health endpoint: undefined when it is well. */
export async function healthFault(
  contract: AppContract,
  ports: Ports,
  timeoutMs: number,
): Promise<string | undefined> {
  try {
    const { status } = await call({ to: internalOf(ports), path: contract.health_endpoint, timeoutMs });
    return status >= 200 && status < 300 ? undefined : `${contract.health_endpoint} answered ${status}`;
  } catch (error) {
    return `${contract.health_endpoint}: ${messageOf(error)}`;
  }
}

/**
 * Waits until the endpoint is well.
 * @throws StageError when the process ends first, or at `health_timeout_ms`
 */
export async function waitHealthy(contract: AppContract, ports: Ports, app: AppProcess): Promise<void> {
  const begin = performance.now();
  const end = begin + contract.health_timeout_ms;
  let last: string | undefined;
  for (;;) {
    const left = end - performance.now();
    if (app.end !== undefined)
      throw new StageError('probe', `The process ${app.end} before it was healthy; see ${app.logFile}.`);
    if (left <= 0) break;
    const fault = await healthFault(contract, ports, Math.max(1, Math.ceil(Math.min(left, LOOK_MS))));
    if (fault === undefined && app.alive) return;
    // A look that the end cut short says nothing of the app: what was seen before does.
    const cutShort = performance.now() > end - LOOK_MIN_MS;
    if (!cutShort || last === undefined) last = fault ?? last;
    const pause = LOOK_SHARE * (performance.now() - begin);
    await delay(Math.min(LOOK_MAX_MS, Math.max(LOOK_MIN_MS, pause)));
  }
  const late = `Not healthy within ${contract.health_timeout_ms} ms: ${last ?? 'it was not asked'}; see ${app.logFile}.`;
  throw new StageError('probe', late);
}

/** @throws StageError unless the synthetic request is answered as it should be */
export async function checkPayload(contract: AppContract, ports: Ports): Promise<void> {
  const payload = contract.health_test_payload;
  if (payload === undefined) return;
  const { method, path, headers = {}, body, expect_status: expected } = payload;
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const type: Record<string, string> =
    text === undefined || typeof body === 'string' ? {} : { 'content-type': 'application/json' };
  let status: number;
  try {
    const timeoutMs = contract.health_timeout_ms;
    ({ status } = await call({
      to: { port: ports.port },
      path,
      method,
      headers: { ...type, ...headers },
      timeoutMs,
      ...(text !== undefined && { body: text }),
    }));
  } catch (cause) {
    throw new StageError('probe', `The test request ${method} ${path}: ${messageOf(cause)}.`, 500, { cause });
  }
  const fits = expected === undefined ? status < 400 : status === expected;
  if (!fits) throw new StageError('probe', `The test request ${method} ${path} was answered ${status}.`);
}

export interface SmokeOptions extends Omit<Launch, 'command'> {
  onStart: (app: AppProcess) => Promise<void>;
}

/** Runs the commit's smoke test against the staged app. @throws StageError when it fails */
export async function runSmokeTest(contract: AppContract, options: SmokeOptions): Promise<void> {
  const { smoke_test: name, smoke_timeout_ms: timeoutMs } = contract;
  if (name === undefined || !existsSync(join(options.folder, name))) return;
  const file = realpathSync(join(options.folder, name));
  if (!isBelow(file, realpathSync(options.folder))) {
    throw new StageError('probe', `The smoke test ${name} is a link out of the slot.`, 422);
  }
  // The name comes as an argument of the shell, never as a part of its command.
  const env = { ...options.env, SMOKE_TEST: file };
  const launch = { ...options, env, command: smokeCommand(file) };
  const fault = await runToEnd(launch, timeoutMs, options.onStart);
  if (fault !== undefined)
    throw new StageError('probe', `The smoke test ${name} ${fault}; see ${options.logFile}.`);
}

function smokeCommand(file: string): string {
  if (/^\.[cm]?js$/.test(extname(file))) return 'exec node "$SMOKE_TEST"';
  return extname(file) === '.sh' ? 'exec sh "$SMOKE_TEST"' : 'exec "$SMOKE_TEST"';
}

const version = z.number().int();
const SchemaStatus = z.union([
  z
    .object({
      current_schema_version: version,
      code_min_schema_version: version,
      code_max_schema_version: version,
      compatible: z.boolean().optional(),
    })
    .transform((s) => ({
      current: s.current_schema_version,
      min: s.code_min_schema_version,
      max: s.code_max_schema_version,
      compatible: s.compatible,
    })),
  z.object({ current: version, min: version, max: version, compatible: z.boolean().optional() }),
]);

/** @throws StageError unless the code fits the database's schema: min ≤ current ≤ max */
export async function checkSchema(contract: AppContract, ports: Ports): Promise<void> {
  const path = contract.schema_status_endpoint;
  if (path === undefined) return;
  let data: unknown;
  try {
    const { status, body } = await call({
      to: internalOf(ports),
      path,
      timeoutMs: contract.health_timeout_ms,
    });
    if (status !== 200) throw new Error(`it answered ${status}`);
    data = JSON.parse(body);
  } catch (cause) {
    throw new StageError('schema', `${path} cannot be read: ${messageOf(cause)}.`, 500, { cause });
  }
  const read = SchemaStatus.safeParse(data);
  if (!read.success) {
    throw new StageError(
      'schema',
      `${path} must answer whole numbers current_schema_version, code_min_schema_version and code_max_schema_version.`,
    );
  }
  const { current, min, max, compatible } = read.data;
  if (min <= current && current <= max && compatible !== false) return;
  throw new StageError(
    'schema',
    `The database is at schema ${current}; this commit works with ${min} to ${max}. Migrate first, or deploy another commit.`,
    409,
  );
}
