/** How measurements are printed. */
import { met, type Measurement } from './figure';

/** `{ id, value, unit, goal, met }`; goal and met are null where there is none. */
export function jsonLine(measurement: Measurement): string {
  const { id, unit, goal } = measurement;
  return JSON.stringify({
    id,
    value: round(measurement.value),
    unit,
    goal: goal?.value ?? null,
    met: met(measurement),
  });
}

export function formatTable(measurements: readonly Measurement[]): string {
  const head = ['figure', 'value', 'unit', 'goal', 'met'];
  const rows = measurements.map((m) => [m.name, String(round(m.value)), m.unit, goalText(m), metText(m)]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: string[]): string =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join(' | ')
      .trimEnd();
  return [line(head), widths.map((width) => '-'.repeat(width)).join('-|-'), ...rows.map(line)].join('\n');
}

const goalText = ({ goal }: Measurement): string =>
  goal ? `${goal.kind === 'at-most' ? '≤' : '≥'} ${goal.value}` : '';

const metText = (measurement: Measurement): string =>
  ({ true: 'yes', false: 'NO', null: '' })[`${met(measurement)}`];

/** Three significant digits are more than the noise lets through. */
const round = (value: number): number => (value >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
