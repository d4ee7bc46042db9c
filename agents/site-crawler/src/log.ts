/** Writes one JSON line. Never give it a webhook's URL or a secret. */
export function log(message: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), message, ...fields })}\n`);
}

/**
 * What a thrown value says, with up to three of its causes, as `fetch failed` alone helps nobody; cut to a length that
 * fits a log. Of several addresses that refuse, such as localhost's two, the code alone is told.
 */
export function reasonOf(e: unknown, more = 3): string {
  const said = String(e instanceof Error ? e.message || ('code' in e ? e.code : e.name) : e);
  const cause = e instanceof Error && e.cause instanceof Error && more > 0 ? reasonOf(e.cause, more - 1) : '';
  return (said.includes(cause) ? said : `${said}: ${cause}`).slice(0, 2000);
}

/** Where something was thrown, for the log alone. */
export const stackOf = (e: unknown) => (e instanceof Error ? e.stack?.slice(0, 4000) : undefined);
