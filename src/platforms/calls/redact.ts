/** A function that blanks the given secrets, and anything shaped like a bearer token, in a text. */
export function redactor(secrets: () => string[]): (text: string) => string {
  return (text) =>
    secrets()
      .filter((secret) => secret.length > 0)
      .reduce((clean, secret) => clean.replaceAll(secret, '[redacted]'), text)
      .replace(/\bBearer\s+\S+|\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '[redacted]');
}
