/** Writes one JSON line. Never give it a webhook's URL or a secret. */
export function log(message: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), message, ...fields })}\n`);
}

/** What a thrown value says, cut to a length that fits a log. */
export function reasonOf(thrown: unknown): string {
  return (thrown instanceof Error ? thrown.message : String(thrown)).slice(0, 2000);
}
