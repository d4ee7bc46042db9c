/**
 * How far long work has come, on a line of a terminal that is written over. Anywhere else nothing: a pipe gets the
 * lines that stay.
 */
import { cut, printable } from './output';

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
/** Cells of a bar. */
const BAR = 20;
const DEFAULT_COLUMNS = 80;

interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write: (text: string) => unknown;
}

export class Progress {
  private timer: NodeJS.Timeout | undefined;
  private frame = 0;
  private text = '';
  private shown = 0;

  /** On standard error, so that what a command prints stays what it is. */
  constructor(private readonly terminal: Terminal = process.stderr) {}

  /** @param part from 0 to 1, where it is known: shown as a bar */
  show(text: string, part?: number): void {
    if (this.terminal.isTTY !== true) return;
    this.text = `${part === undefined ? '' : `${bar(part)} `}${printable(text)}`;
    this.timer ??= setInterval(() => this.turn(), FRAME_MS).unref();
    this.draw();
  }

  /** Takes the line away, so that something else can be printed there. */
  end(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    if (this.shown > 0) this.terminal.write(`\r${' '.repeat(this.shown)}\r`);
    this.shown = 0;
  }

  private turn(): void {
    this.frame = (this.frame + 1) % FRAMES.length;
    this.draw();
  }

  private draw(): void {
    const room = (this.terminal.columns ?? DEFAULT_COLUMNS) - 1;
    const line = cut(`${FRAMES[this.frame]} ${this.text}`, room);
    this.terminal.write(`\r${line.padEnd(Math.min(this.shown, room))}`);
    this.shown = line.length;
  }
}

function bar(part: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * BAR);
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)}`;
}
