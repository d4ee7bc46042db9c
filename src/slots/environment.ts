/** What a slot's processes see: a few variables of ours, the env file, the injected secrets, the ports. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { parse } from 'dotenv';
import type { AppContract } from './config';
import { codeOf, StageError } from './errors';
import type { Address } from './upstream';

/** All others, and so all secrets that were not named, stay with the controller. */
const INHERITED = ['PATH', 'HOME', 'USER', 'SHELL', 'LANG', 'TZ', 'TMPDIR'];

/** By this variable the processes of a controller are known again after a crash. */
export const MARK = 'REVEILLE_SLOTS_MARK';

/** The mark's value: one for each data directory. */
export const markOf = (folder: string): string =>
  createHash('sha256').update(folder).digest('hex').slice(0, 24);

export interface Ports {
  port: number;
  internalPort: number;
  /** Instead of the internal port. */
  internalSocket?: string;
}

/** Where the app's internal endpoints are. */
export const internalOf = ({ internalPort, internalSocket }: Ports): Address =>
  internalSocket === undefined ? { port: internalPort } : { socketPath: internalSocket };

/** @throws StageError when the env file cannot be read or a secret is not set; no value is named */
export async function slotEnvironment(
  contract: AppContract,
  mark: string,
  ports: Ports,
  extra: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const own = (names: readonly string[]) =>
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
  const secrets = own(contract.secrets_inject);
  const given = { ...(await envFile(contract.env_file)), ...Object.fromEntries(secrets) };
  const missing = contract.secrets_inject.filter((name) => !(name in given));
  if (missing.length > 0) {
    throw new StageError(
      'boot',
      `secrets_inject names ${missing.join(', ')}, which neither the controller's environment nor the env file has.`,
    );
  }
  return {
    ...Object.fromEntries(own(INHERITED)),
    ...given,
    ...extra,
    PORT: String(ports.port),
    ...(ports.internalSocket === undefined
      ? { INTERNAL_PORT: String(ports.internalPort) }
      : { INTERNAL_SOCKET: ports.internalSocket }),
    SLOT_MACHINE: '1',
    [MARK]: mark,
  };
}

async function envFile(file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {};
  try {
    return parse(await readFile(file));
  } catch (cause) {
    throw new StageError(
      'boot',
      `Cannot read the env_file ${file} (${codeOf(cause) ?? 'unreadable'}).`,
      500,
      { cause },
    );
  }
}
