/**
 * Doubles as Redis prints them in replies (d2string): whole numbers that fit a signed 64-bit integer in full; all others
 * as the shortest digits that read back as the same number, with an exponent where plain notation would need many
 * zeros, exactly as fpconv decides.
 *
 * It is JavaScript's own digits in another notation: `String(1e21)` happens to agree, `String(0.0000015)` does not.
 */

/** Whole numbers up to here are printed in full. */
const MAX_PLAIN = 2 ** 62;

/** "3", "0.1", "1e+21", "inf", "-inf", "nan". */
export function formatDouble(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  if (Number.isInteger(value) && Math.abs(value) < MAX_PLAIN) return BigInt(value).toString();
  const scientific = Math.abs(value).toExponential();
  const mark = scientific.indexOf("e");
  const digits = scientific.slice(0, mark).replace(".", "");
  const exponent = Number(scientific.slice(mark + 1));
  const sign = value < 0 ? "-" : "";
  return sign + notate(digits, exponent);
}

/** `digits` with the point after the first one, times ten to the `exponent`. */
function notate(digits: string, exponent: number): string {
  const shift = exponent - digits.length + 1;
  if (shift >= 0 && Math.abs(exponent) < digits.length + 7) return digits + "0".repeat(shift);
  if (shift < 0 && (shift > -7 || Math.abs(exponent) < 4)) {
    if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
    return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
  }
  const mantissa = digits.length === 1 ? digits : `${digits[0]}.${digits.slice(1)}`;
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${Math.abs(exponent)}`;
}
