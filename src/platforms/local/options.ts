import type { LocalLogin } from './auth';

/** More replicas than this would share one port; asking for them is answered 422. */
export const MAX_REPLICAS = 1;

export interface Size {
  qty: number;
  unit: string;
}

/** What the products shape calls a capsule's sizes. They are kept and told, and limit nothing here. */
export interface ProductSizes {
  cpu: Size;
  memory: Size;
  storage: Size;
}

/** Code Capsules' own smallest backend. */
export const DEFAULT_SIZES: ProductSizes = {
  cpu: { qty: 50, unit: 'm' },
  memory: { qty: 0.2, unit: 'G' },
  storage: { qty: 0, unit: 'G' },
};

export interface LocalCapsuleOptions {
  /** Letters, digits, dots, dashes and underscores: it also names files. */
  id: string;
  /** Holds the Procfile and, if any, the `.env`. */
  folder: string;
  /** Given to the process as PORT; the capsule answers on http://127.0.0.1:port. */
  port: number;
  /** Variables over those of `.env`. */
  env?: Record<string, string>;
  /** Milliseconds between the scale-up and the start of the process; 0 by default. */
  coldStartMs?: number;
  products?: ProductSizes;
}

export interface LocalPlatformOptions {
  /** Holds logs, pid files and the mark of this platform's processes; one platform at a time. */
  stateDir: string;
  capsules: LocalCapsuleOptions[];
  /** 0, the default, takes any free port. */
  port?: number;
  /** The fixed bearer token; a random one is made when absent. */
  token?: string;
  /** The account `POST /api/auth/login` accepts; without it nobody can log in. */
  login?: LocalLogin;
  /** Between SIGTERM and SIGKILL, in ms; 8,000 by default. */
  graceMs?: number;
  /** First wait before a process that died is started again, in ms, doubling; 500 by default. */
  restartBackoffMs?: number;
  /** Longest duration of one build, in ms; 600,000 by default. */
  buildTimeoutMs?: number;
  /** Told what is worth a line in a log; never a secret. */
  log?: (message: string) => void;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

/** @throws Error listing every mistake at once */
export function checkCapsules(capsules: LocalCapsuleOptions[]): void {
  const mistakes = capsules.flatMap(({ id, port }, index) => {
    const others = capsules.slice(0, index);
    return [
      ID.test(id) ? [] : [`capsule id "${id}": use letters, digits, dots, dashes and underscores`],
      Number.isInteger(port) && port > 0 && port < 65_536 ? [] : [`capsule ${id}: ${port} is no port`],
      others.some((other) => other.id === id) ? [`capsule id "${id}" is there twice`] : [],
      others.some((other) => other.port === port) ? [`capsule ${id}: port ${port} is taken by another`] : [],
    ].flat();
  });
  if (mistakes.length > 0) throw new Error(`The local platform cannot start:\n- ${mistakes.join('\n- ')}`);
}
