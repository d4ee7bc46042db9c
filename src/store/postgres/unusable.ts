/** Why a Postgres cannot be used, by the variable that leads there; never what the variable holds. */
import { isNativeError } from 'node:util/types';

const errors = (...codes: string[]): ReadonlySet<string> => new Set(codes);

const UNKNOWN_HOST = errors('ENOTFOUND', 'EAI_AGAIN');
const NOBODY_THERE = errors('ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH');
/** pg has no codes for its own deadlines and for a server that ends the connection. */
const NOBODY_ANSWERED = /timeout exceeded when trying to connect|connection timeout|terminated unexpectedly/;
/** Invalid authorisation, and invalid password. */
const REFUSED_LOGIN = errors('28000', '28P01');
const NO_DATABASE = '3D000';
const TLS = /SSL|TLS|certificate/i;
/** Classes of SQLSTATE: connection, resources and operators; such a server may take us later. */
const NOT_NOW = /^(08|53|57)/;

/**
 * The same error as a sentence that begins with the variable and ends with its mend, where the server cannot be
 * reached or does not let us in. Any other error comes back as it is.
 */
export function unusable(variable: string, error: unknown): unknown {
  if (!isNativeError(error)) return error;
  const reason = reasonOf(error, (error as { code?: string }).code ?? '');
  return reason === undefined ? error : new Error(`${variable}: ${reason}`, { cause: error });
}

function reasonOf({ message }: Error, code: string): string | undefined {
  // The name is not repeated: it is a part of the password where that has an @ in it.
  if (UNKNOWN_HOST.has(code))
    return `its host is not known here (${code}). Check the name; @ : / # in a password are written %40 %3A %2F %23.`;
  if (NOBODY_THERE.has(code) || NOBODY_ANSWERED.test(message))
    return `no Postgres answers there (${message || code}). Check host and port, that it runs, and that this machine may reach it.`;
  if (REFUSED_LOGIN.has(code))
    return `Postgres lets nobody in that way: ${message}. Check user and password, and whether it wants sslmode.`;
  if (code === NO_DATABASE) return `${message}. Create it, or name another.`;
  if (TLS.test(message) || TLS.test(code) || code.includes('CERT'))
    return `TLS with Postgres fails: ${message}. Check sslmode, and name its root certificate as sslrootcert.`;
  return NOT_NOW.test(code) ? `Postgres does not take us now: ${message}. Try again later.` : undefined;
}
