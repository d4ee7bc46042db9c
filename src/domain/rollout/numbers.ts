/** The few special functions that the tests of a canary need. Accurate to about 1e-10, far below any decision. */

/** Where the series for ln Γ is accurate; smaller arguments are moved up to it. */
const SERIES_FROM = 10;
/** Stirling's series, DLMF 5.11.1: B(2k) / (2k (2k - 1)) for k = 1 to 5. */
const STIRLING = [1 / 12, -1 / 360, 1 / 1_260, -1 / 1_680, 1 / 1_188];

/** ln Γ(x) for x > 0: Γ(x + 1) = x Γ(x) (DLMF 5.5.1) up to where Stirling's series holds. */
export function logGamma(x: number): number {
  let shift = 0;
  let at = x;
  for (; at < SERIES_FROM; at += 1) shift += Math.log(at);
  const series = STIRLING.reduce((sum, c, k) => sum + c / at ** (2 * k + 1), 0);
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

export const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b);

const MAX_TERMS = 10_000;
const TINY = 1e-300;
const CLOSE = 1e-14;

/**
 * P(X ≤ x) of a Beta(a, b): the regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)
 * in Lentz's way; on the far side of the mean by I(x; a, b) = 1 − I(1 − x; b, a) (DLMF 8.17.4).
 */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const front = Math.exp(a * Math.log(x) + b * Math.log1p(-x) - logBeta(a, b)) / a;
  return front * continuedFraction(x, a, b);
}

function continuedFraction(x: number, a: number, b: number): number {
  let c = 1;
  let d = 1 / safe(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m <= MAX_TERMS; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / safe(1 + even * d);
    c = safe(1 + even / c);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / safe(1 + odd * d);
    c = safe(1 + odd / c);
    value *= d * c;
    if (Math.abs(d * c - 1) < CLOSE) break;
  }
  return value;
}

const safe = (x: number): number => (Math.abs(x) < TINY ? TINY : x);

/** Halvings that take the interval from 0 to 1 below the accuracy of the numbers. */
const HALVINGS = 60;

/** The x with P(X ≤ x) = p of a Beta(a, b), by halving. */
export function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < HALVINGS; i += 1) {
    const middle = (low + high) / 2;
    if (betaCdf(middle, a, b) < p) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** ln of the mean of e^x, without overflow. */
export function logMeanExp(logs: readonly number[]): number {
  // Looked up once: it is called millions of times.
  const { exp, log, max } = Math;
  const top = max(...logs);
  if (top === -Infinity) return -Infinity;
  return top + log(logs.reduce((sum, x) => sum + exp(x - top), 0) / logs.length);
}

/** The middles of `count` equal parts of an interval. */
export const grid = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => from + ((to - from) * (i + 0.5)) / count);
