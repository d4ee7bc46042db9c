/** The line that says how far long work has come. */
import { Progress } from '../../src/cli/progress';

function terminal(isTTY: boolean, columns = 60) {
  const written: string[] = [];
  return { isTTY, columns, written, write: (text: string) => written.push(text) };
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

it('is one line that is written over, turns, and leaves nothing behind', () => {
  const out = terminal(true);
  const progress = new Progress(out);
  progress.show('2 of 4 capsules at zero', 0.5);
  expect(out.written).toEqual([`\r⠋ ${'█'.repeat(10)}${'░'.repeat(10)} 2 of 4 capsules at zero`]);
  jest.advanceTimersByTime(250);
  expect(out.written).toHaveLength(3);
  expect(out.written.at(-1)).toMatch(/^\r⠹ /);
  progress.show('done');
  // What was longer is covered.
  expect(out.written.at(-1)).toHaveLength(out.written[0]?.length ?? 0);
  progress.end();
  expect(out.written.at(-1)).toMatch(/^\r +\r$/);
  const before = out.written.length;
  jest.advanceTimersByTime(1_000);
  progress.end();
  expect(out.written).toHaveLength(before);
});

it('is cut to the width of the terminal, and shows what it is given as text', () => {
  const out = terminal(true, 20);
  const progress = new Progress(out);
  progress.show(`\u001b[31m${'x'.repeat(40)}`, 7);
  progress.end();
  expect(out.written.map((text) => text.replaceAll('\r', '').length)).toEqual([19, 19]);
  expect(out.written.join('')).not.toContain('\u001b');
});

it('is nothing in a pipe', () => {
  const out = terminal(false);
  const progress = new Progress(out);
  progress.show('working', 0.1);
  jest.advanceTimersByTime(1_000);
  progress.end();
  expect(out.written).toEqual([]);
});
