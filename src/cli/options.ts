/** Values of options, read the same by every command. Each throws what commander shows beside the option. */
import { InvalidArgumentError } from 'commander';

export function port(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw new InvalidArgumentError('a port is 1 to 65535');
  return number;
}

/** An http or https address, e.g. of a site. */
export function httpUrl(value: string): string {
  const url = URL.parse(value);
  if (!url || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidArgumentError('give an http or https address, e.g. https://example.com/');
  }
  return url.href;
}

/** As {@link httpUrl}, for a service whose paths are added: no query, no slash at the end. */
export function serviceUrl(value: string): string {
  const url = new URL(httpUrl(value));
  if (url.search !== '' || url.hash !== '') {
    throw new InvalidArgumentError('give the address without a query, e.g. http://localhost:3000');
  }
  return url.href.replace(/\/+$/, '');
}

/** Seconds, more than 0 and at most a day. */
export function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 86_400))
    throw new InvalidArgumentError('seconds are more than 0, at most 86400');
  return number;
}

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (!Number.isInteger(number) || number < min || number > max)
      throw new InvalidArgumentError(`a whole number from ${min} to ${max}`);
    return number;
  };
}
