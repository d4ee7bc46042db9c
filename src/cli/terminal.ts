/** Colours for people, none for pipes and for NO_COLOR (https://no-color.org). */
export interface Paint {
  bold: (text: string) => string;
  dim: (text: string) => string;
  /** The colour that goes with a word of the status vocabulary. */
  status: (word: string) => (text: string) => string;
}

const GREEN = ['result', 'healthy', 'succeeded'];
const BLUE = ['asleep', 'draining'];
const YELLOW = ['queued', 'waking', 'leased', 'running', 'retrying'];
const RED = ['failed', 'cancelled', 'error'];

export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const coloured = stream.isTTY === true && !env['NO_COLOR'];
  const sgr = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
  const code = (word: string) =>
    GREEN.includes(word)
      ? 32
      : BLUE.includes(word)
        ? 34
        : YELLOW.includes(word)
          ? 33
          : RED.includes(word)
            ? 31
            : 0;
  return { bold: sgr(1), dim: sgr(2), status: (word) => sgr(code(word)) };
}
