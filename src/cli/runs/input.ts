/** The input of a run as it is given on the command line. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';

/** As much as the API takes. */
const MAX_BYTES = 1024 * 1024;

/** An object as JSON; `@file` reads it from a file, `-` from standard input. */
export function jsonObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(textOf(text));
  } catch (error) {
    if (error instanceof InvalidArgumentError) throw error;
    throw new InvalidArgumentError('it is not JSON; quote it for the shell, e.g. \'{"site":"example.com"}\'');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new InvalidArgumentError('give a JSON object, e.g. \'{"site":"example.com"}\'');
}

function textOf(given: string): string {
  if (given !== '-' && !given.startsWith('@')) return given;
  const [file, named] = given === '-' ? [0, 'standard input'] : [given.slice(1), given.slice(1)];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`${named} cannot be read: ${(error as Error).message}`);
  }
  if (Buffer.byteLength(text) > MAX_BYTES) throw new InvalidArgumentError(`${named} is larger than 1 MiB`);
  return text;
}
