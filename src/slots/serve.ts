/** The controller as a process: its API first, then recovery, until it is told to end. */
import { loadContract } from './config';
import { serveApi, serveWebhook } from './api';
import { Controller } from './controller';
import type { Hooks } from './context';
import { messageOf, SlotsError, codeOf } from './errors';
import { stderrLog } from './log';
import { hashOfFile } from './reconcile';

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
  const log = stderrLog();
  const contract = loadContract(options.config);
  const { repo, data, hooks = {} } = options;
  const contractFile = { file: options.config, hash: hashOfFile(options.config) };
  const controller = new Controller({ contract, contractFile, repo, data, log, hooks });
  const port = options.port ?? contract.api_port;
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
