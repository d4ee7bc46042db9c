/**
 * Money in whole numbers, so that no sum drifts. One unit is a nano-dollar ÷ 3,600,000: a price in
 * nano-dollars per replica-hour times milliseconds is a whole number of them, and nothing is rounded
 * before it is shown.
 */
const HOUR_MS = 3_600_000n;
const NANOS = 1_000_000_000;
/** Decimals of a dollar that are shown. */
const SHOWN = 6;
const UNITS_SHOWN = (BigInt(NANOS) * HOUR_MS) / 10n ** BigInt(SHOWN);
/** No single amount of US dollars is believed beyond this: a model's bill comes from outside. */
const MAX_USD = 1_000_000_000;

/** The units of one replica-hour's price; a part of a nano-dollar is rounded once, here. */
const nanos = (usd: number): bigint => BigInt(Math.round(Math.min(usd, MAX_USD) * NANOS));

/** What `ms` of one replica cost. @param usdPerHour price per replica-hour, at least 0 */
export const capsuleCost = (usdPerHour: number, ms: number): bigint => nanos(usdPerHour) * BigInt(ms);

/** An amount of US dollars, at least 0; more than a billion counts as a billion. */
export const ofUsd = (usd: number): bigint => nanos(usd) * HOUR_MS;

/** US dollars with six decimals, half a unit rounded away from zero. */
export function toUsd(money: bigint): string {
  const sign = money < 0n ? '-' : '';
  const size = money < 0n ? -money : money;
  const micros = (size + UNITS_SHOWN / 2n) / UNITS_SHOWN;
  const digits = micros.toString().padStart(SHOWN + 1, '0');
  const text = `${digits.slice(0, -SHOWN)}.${digits.slice(-SHOWN)}`;
  return micros === 0n ? text : sign + text;
}
