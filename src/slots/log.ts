/** The controller's own lines on standard error, with their time. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
}

export function stderrLog(): Log {
  const write = (level: string) => (text: string) =>
    void process.stderr.write(`${new Date().toISOString()} ${level} ${text}\n`);
  return { info: write('info'), warn: write('warn') };
}
