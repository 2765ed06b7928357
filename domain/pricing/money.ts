/** Money as integers of a millionth of the currency's unit, so that sums are exact. 0.03 USD is 30_000. */

/** A price as people write it, in micro-units. Throws RangeError for negative, non-finite or finer than a millionth. */
export function toMicros(amount: number): number {
  const micros = Math.round(amount * 1e6);
  if (
    !Number.isFinite(amount) ||
    amount < 0 ||
    !Number.isSafeInteger(micros) ||
    Math.abs(amount * 1e6 - micros) > 1e-4
  ) {
    throw new RangeError(`${amount} is no price: expected a number >= 0 with at most six decimals`);
  }
  return micros;
}

/** units x price, exactly. Throws RangeError where the product leaves the safe integers. */
export function timesMicros(units: number, priceMicros: number): number {
  const product = units * priceMicros;
  if (!Number.isSafeInteger(units) || !Number.isSafeInteger(priceMicros) || !Number.isSafeInteger(product)) {
    throw new RangeError(
      `${units} x ${priceMicros} micro-units can't be held exactly; expected integers with a product below 2^53`,
    );
  }
  return product;
}

/** The exact sum; throws RangeError for a part that is no safe integer. */
export function sumMicros(parts: Iterable<number>): number {
  let sum = 0;
  for (const part of parts) {
    sum += part;
    if (!Number.isSafeInteger(part) || !Number.isSafeInteger(sum))
      throw new RangeError(`${part} is no amount in micro-units`);
  }
  return sum;
}

/** "12.30 USD", as decimalOf writes it. */
export const formatMicros = (micros: number, currency: string): string => `${decimalOf(micros)} ${currency}`;

/** "12.30": exact; at least two decimals, more only where there are any. -1_500_000 is "-1.50". */
export function decimalOf(micros: number): string {
  const size = Math.abs(micros);
  const whole = Math.floor(size / 1e6);
  const decimals = String(size % 1e6)
    .padStart(6, "0")
    .replace(/0{1,4}$/, "");
  return `${micros < 0 ? "-" : ""}${whole}.${decimals}`;
}
