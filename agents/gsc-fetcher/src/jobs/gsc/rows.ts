/** From Google's rows to the output's. Pure. */
import { LIMITS, type Dimension, type GoogleRow, type Output, type Row } from './schema';

/** As many rows as the row limit and the output's size allow, with the sums over them. */
export function collect(
  all: readonly GoogleRow[],
  dimensions: readonly Dimension[],
  rowLimit: number,
): Pick<Output, 'rows' | 'rowCount' | 'truncated' | 'totals'> {
  const rows: Row[] = [];
  let bytes = 0;
  for (const given of all.slice(0, rowLimit)) {
    const row = named(given, dimensions);
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (bytes > LIMITS.outputBytes) break;
    rows.push(row);
  }
  const truncated: Output['truncated'] = [];
  if (all.length > rowLimit) truncated.push('rows');
  if (rows.length < Math.min(all.length, rowLimit)) truncated.push('output');
  return { rows, rowCount: rows.length, truncated, totals: sum(rows) };
}

function named(
  { keys, clicks, impressions, ctr, position }: GoogleRow,
  dimensions: readonly Dimension[],
): Row {
  const byName = Object.fromEntries(dimensions.map((name, n) => [name, keys[n] ?? '']));
  return { keys, ...byName, clicks, impressions, ctr, position };
}

function sum(rows: readonly Row[]): Output['totals'] {
  const total = { clicks: 0, impressions: 0, weighted: 0 };
  for (const { clicks, impressions, position } of rows) {
    total.clicks += clicks;
    total.impressions += impressions;
    total.weighted += position * impressions;
  }
  const { clicks, impressions, weighted } = total;
  const per = (value: number): number => (impressions > 0 ? value / impressions : 0);
  return { clicks, impressions, ctr: per(clicks), position: per(weighted) };
}
