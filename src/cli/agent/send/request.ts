/** The job that is sent: the documentation's example unless a file says otherwise. */
import { readFile } from 'node:fs/promises';
import { differences, describe } from '../../../agent-check/shape';
import { AgentRunRequest } from '../../../contract';
import { UsageError } from '../../exit';

const EXAMPLE = {
  workflowId: 'test',
  stepId: 'my-new-step',
  runId: '00000000-0000-0000-0000-000000000001',
};
export const DEFAULT_TIMEOUT_SECONDS = 300;
const MAX_FILE_BYTES = 10 * 1024 * 1024;

type Json = Record<string, unknown>;

/** A run request as it goes over the wire. It may break the contract on purpose: `fault` says how. */
export interface Job {
  body: Json;
  workflowId: string;
  stepId: string;
  runId: string;
  timeoutSeconds: number;
  /** How it differs from an AgentRunRequest. */
  fault?: string;
}

export interface RequestOptions {
  /** A file, or `-` for standard input. */
  input?: string;
  runRequest?: string;
  timeout?: number;
}

/** @throws UsageError when a file cannot be read or holds no JSON object */
export async function jobFor(options: RequestOptions, webhookUrl: string): Promise<Job> {
  if (options.input === '-' && options.runRequest === '-') {
    throw new UsageError('Only one of --input and --run-request can come from standard input.');
  }
  const given = options.runRequest === undefined ? {} : await readObject(options.runRequest, '--run-request');
  const input =
    options.input === undefined ? (given.input ?? {}) : await readObject(options.input, '--input');
  const config = isObject(given.config) ? given.config : {};
  const known = Number(config.timeoutSeconds);
  const timeoutSeconds = options.timeout ?? (known > 0 ? known : DEFAULT_TIMEOUT_SECONDS);
  const body = { ...EXAMPLE, ...given, input, config: { ...config, webhookUrl, timeoutSeconds } };
  return jobOf(body);
}

/** The same job for an agent that had it before: a run of its own. */
export const withRunId = (job: Job, runId: string): Job => jobOf({ ...job.body, runId });

function jobOf(body: Json): Job {
  const found = differences(AgentRunRequest, body);
  const text = (name: string) => (typeof body[name] === 'string' ? body[name] : '');
  const { timeoutSeconds } = body.config as { timeoutSeconds: number };
  return {
    body,
    workflowId: text('workflowId'),
    stepId: text('stepId'),
    runId: text('runId'),
    timeoutSeconds,
    ...(found.length > 0 && { fault: describe(found) }),
  };
}

async function readObject(file: string, option: string): Promise<Json> {
  const name = file === '-' ? 'standard input' : file;
  const text = await (file === '-' ? readInput() : readFile(file, 'utf8')).catch((cause: Error) => {
    throw new UsageError(`${option}: ${name} cannot be read: ${cause.message}`, { cause });
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`${option}: ${name} is not JSON: ${(cause as Error).message}`, { cause });
  }
  if (!isObject(value))
    throw new UsageError(`${option}: ${name} must hold a JSON object, e.g. {"name": "Ada"}.`);
  return value;
}

async function readInput(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_FILE_BYTES) throw new Error(`more than ${MAX_FILE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
