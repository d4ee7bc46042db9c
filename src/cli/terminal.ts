/** Colours for people, none for pipes and for NO_COLOR (https://no-color.org). */
export interface Paint {
  bold: (text: string) => string;
  dim: (text: string) => string;
  good: (text: string) => string;
  bad: (text: string) => string;
  warn: (text: string) => string;
  /** The colour that goes with a word of the status vocabulary. */
  status: (word: string) => (text: string) => string;
}

const GREEN = ['result', 'healthy', 'succeeded', 'success', 'ok', 'fits', 'valid'];
const BLUE = ['asleep', 'draining'];
const YELLOW = ['queued', 'waking', 'leased', 'running', 'retrying', 'busy'];
const RED = ['failed', 'cancelled', 'error', 'timeout', 'refused', 'misshapen', 'bad-signature'];

const SGR = { plain: 0, bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34 } as const;

export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const coloured = stream.isTTY === true && !env['NO_COLOR'];
  const sgr = (code: number) => (text: string) =>
    coloured && code !== SGR.plain ? `\u001b[${code}m${text}\u001b[0m` : text;
  return {
    bold: sgr(SGR.bold),
    dim: sgr(SGR.dim),
    good: sgr(SGR.green),
    bad: sgr(SGR.red),
    warn: sgr(SGR.yellow),
    status: (word) => sgr(colourOf(word)),
  };
}

function colourOf(word: string): number {
  if (GREEN.includes(word)) return SGR.green;
  if (BLUE.includes(word)) return SGR.blue;
  if (YELLOW.includes(word)) return SGR.yellow;
  return RED.includes(word) ? SGR.red : SGR.plain;
}
