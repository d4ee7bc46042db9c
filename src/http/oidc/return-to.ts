/** Where a browser goes after a login: a page of ours and nothing else, whatever the link said. */
const MAX_LENGTH = 300;
/**
 * Written out as what is allowed: the dashboard's screens and the page of a memo, with a query. Neither a second
 * slash at the beginning nor a backslash fits, which browsers take for another host.
 */
const OURS =
  /^\/(app(\/[A-Za-z0-9._~%-]+){0,3}|approvals\/[A-Za-z0-9-]+\/page)?(\?[A-Za-z0-9._~%&=+,:@-]*)?$/;

export const safeReturn = (to: unknown): string =>
  typeof to === 'string' && to.length <= MAX_LENGTH && OURS.test(to) && !hasDots(to) ? to : '/';

/** `..` leads elsewhere on this host: no harm, but no page of ours either. */
const hasDots = (path: string): boolean => /(^|\/)(\.|%2e){1,2}(\/|\?|$)/i.test(path);
