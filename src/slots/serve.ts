/** The controller as a process: its API first, then recovery, until it is told to end. */
import { basename, resolve } from 'node:path';
import { loadContract } from './config';
import { serveApi, serveWebhook } from './api';
import { Controller } from './controller';
import type { Hooks } from './context';
import { messageOf, SlotsError, codeOf } from './errors';
import { stayLean } from './lean';
import { stderrLog, type Log } from './log';
import { hashOfFile } from './reconcile';
import { register } from './registry';

export interface ServeOptions {
  config: string;
  repo: string;
  data: string;
  /** Of the API; absent: the contract's. */
  port?: number | undefined;
  hooks?: Hooks;
}

/** Resolves once it has ended, by the signal. @throws SlotsError when it cannot start */
export async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  stayLean();
  const log = stderrLog();
  const contract = loadContract(options.config, (text) => log.warn(text));
  const port = options.port ?? contract.api_port;
  if (port === contract.port || port === contract.internal_port)
    throw new SlotsError(
      `The API's port ${port} is the app's as well. Give it its own, by api_port or --port.`,
    );
  const { repo, data, hooks = {} } = options;
  const contractFile = { file: options.config, hash: hashOfFile(options.config) };
  const controller = new Controller({ contract, contractFile, repo, data, log, hooks });
  try {
    const api = await serveApi(controller, port).catch((cause: unknown) => {
      throw new SlotsError(
        `The API's port ${port} cannot be listened on (${codeOf(cause) ?? messageOf(cause)}).`,
        { cause },
      );
    });
    serveWebhook(controller, contract.github?.webhook_path);
    try {
      await controller.start();
      const names = { app: basename(resolve(repo)), repo: resolve(repo), data: resolve(data) };
      tryToRegister({ ...names, port: contract.port, api_port: api.port }, log);
      log.info(`Ready on http://127.0.0.1:${api.port}; the app is at port ${contract.port}.`);
      if (!signal.aborted) {
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
      }
      log.info('Ending: what is in flight may finish first.');
    } finally {
      await api.close();
    }
  } finally {
    await controller.close();
  }
}

/** The list is for people; without it the app is served all the same. */
function tryToRegister(entry: Parameters<typeof register>[0], log: Log): void {
  try {
    register(entry);
  } catch (error) {
    log.warn(`This app cannot be put on the list of apps: ${messageOf(error)}`);
  }
}
