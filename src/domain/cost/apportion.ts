/**
 * Splits a whole number in proportion to weights, exactly: the parts are whole and add up to it. By
 * largest remainder; equal remainders go to the earlier part. Where nothing has a weight, all weigh
 * the same.
 * @throws RangeError when there is nobody to give a part to
 */
export function apportion(total: number, weights: readonly number[]): number[] {
  if (weights.length === 0) throw new RangeError('cannot split among none');
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum === 0) return apportion(total, Array<number>(weights.length).fill(1));
  const ideal = weights.map((weight) => (total * weight) / sum);
  const parts = ideal.map(Math.floor);
  const left = total - parts.reduce((a, b) => a + b, 0);
  const byRemainder = ideal
    .map((value, index) => ({ index, rest: value - Math.floor(value) }))
    .sort((a, b) => b.rest - a.rest || a.index - b.index);
  // Less than none is left where the division was rounded up: the smallest remainders give back.
  const touched = left >= 0 ? byRemainder.slice(0, left) : byRemainder.reverse().slice(0, -left);
  for (const { index } of touched) parts[index] = (parts[index] as number) + Math.sign(left);
  return parts;
}
