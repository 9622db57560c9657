/**
 * x86's 80-bit long double, as far as INCRBYFLOAT needs it: parse, add, print, with the very digits Redis prints.
 *
 * Redis computes INCRBYFLOAT in long double (64 bits of mantissa) and prints "%.17Lf" without trailing zeros. A
 * JavaScript number has 53 bits, so 10.5 + 0.1 or 3.0e3 + 1e-7 would print other digits. Here a value is an exact
 * `mantissa * 2^exponent` with BigInt, rounded half to even to 64 bits after each step, as the hardware does.
 *
 * Accepted text is that of C's strtold: decimal, hexadecimal ("0x1.8p3"), and "inf"/"infinity". Text is at most 5,119 bytes long and magnitudes lie within 10^-4966..10^4933, so the BigInts are bounded.
 */

/** `mantissa * 2^exponent`; `INFINITE` is the one value without a mantissa. */
export interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

/** Either infinity: the result of an overflow, and what "inf" and "-inf" mean. */
export const INFINITE: LongDouble = { mantissa: 0n, exponent: Number.POSITIVE_INFINITY };

const ZERO: LongDouble = { mantissa: 0n, exponent: 0 };
const MANTISSA_BITS = 64;
/** The smallest subnormal is 2^-16445. */
const MIN_EXPONENT = -16_445;
/** Values of this many bits before the point overflow. */
const MAX_BITS = 16_384;
/** Redis's buffer for such texts holds 5 KiB with the final NUL. */
const MAX_TEXT_BYTES = 5_119;
const MAX_DECIMAL_MAGNITUDE = 4_933;
const MIN_DECIMAL_MAGNITUDE = -4_966;
const FRACTION_DIGITS = 17;
const FRACTION_SCALE = 10n ** BigInt(FRACTION_DIGITS);

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** Hexadecimal digits, and a power of two. */
const HEXADECIMAL = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?$/;
const INFINITY_TEXT = /^[+-]?inf(?:inity)?$/i;

function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const hex = value.toString(16);
  return hex.length * 4 - Math.clz32(Number.parseInt(hex[0] as string, 16)) + 28;
}

/** `numerator / denominator`, both positive, to the nearest integer, ties to even. */
function divideToEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = (numerator - quotient * denominator) * 2n;
  if (twice > denominator || (twice === denominator && (quotient & 1n) === 1n)) return quotient + 1n;
  return quotient;
}

/** The long double nearest to `numerator / denominator`, both positive. */
function nearest(numerator: bigint, denominator: bigint): LongDouble {
  let exponent = bitLength(numerator) - bitLength(denominator) - MANTISSA_BITS;
  const scaled = (shift: number): bigint =>
    shift < 0
      ? divideToEven(numerator << BigInt(-shift), denominator)
      : divideToEven(numerator, denominator << BigInt(shift));
  // The quotient has 64 or 65 bits; with 65 the unit is one bit too fine, and rounding must happen only once.
  if (scaled(exponent) >> BigInt(MANTISSA_BITS) > 0n) exponent++;
  exponent = Math.max(exponent, MIN_EXPONENT);
  const mantissa = scaled(exponent);
  return bitLength(mantissa) + exponent > MAX_BITS ? INFINITE : { mantissa, exponent };
}

function negated(value: LongDouble): LongDouble {
  return { mantissa: -value.mantissa, exponent: value.exponent };
}

/**
 * Reads a number as C's strtold does, to the nearest long double.
 *
 * @returns undefined for text that is not a number, and for magnitudes that over- or underflow, as in Redis
 */
export function parseLongDouble(text: string): LongDouble | undefined {
  if (text.length > MAX_TEXT_BYTES) return undefined;
  const parts = DECIMAL.exec(text);
  if (parts === null) return INFINITY_TEXT.test(text) ? INFINITE : parseHexadecimal(text);
  const [, sign, whole = "", fraction = "", exponentText = "0"] = parts;
  if (whole === "" && fraction === "") return undefined;
  const digits = (whole + fraction).replace(/^0+/, "");
  if (digits === "") return ZERO;
  const scale = Number(exponentText) - fraction.length;
  const magnitude = digits.length + scale;
  if (magnitude > MAX_DECIMAL_MAGNITUDE || magnitude < MIN_DECIMAL_MAGNITUDE) return undefined;
  const integer = BigInt(digits);
  const value = scale >= 0 ? nearest(integer * 10n ** BigInt(scale), 1n) : nearest(integer, 10n ** BigInt(-scale));
  return inRange(value, sign === "-");
}

function parseHexadecimal(text: string): LongDouble | undefined {
  const parts = HEXADECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole = "", fraction = "", exponentText = "0"] = parts;
  if (whole === "" && fraction === "") return undefined;
  const integer = BigInt(`0x${whole}${fraction}`);
  if (integer === 0n) return ZERO;
  const scale = Number(exponentText) - fraction.length * 4;
  const magnitude = bitLength(integer) + scale;
  if (magnitude > MAX_BITS || magnitude < MIN_EXPONENT) return undefined;
  const value = scale >= 0 ? nearest(integer << BigInt(scale), 1n) : nearest(integer, 1n << BigInt(-scale));
  return inRange(value, sign === "-");
}

/** The value with its sign; undefined if it over- or underflowed. */
function inRange(value: LongDouble, negative: boolean): LongDouble | undefined {
  if (value === INFINITE || value.mantissa === 0n) return undefined;
  return negative ? negated(value) : value;
}

/** The long double nearest to the sum; `INFINITE` if either is, or if the sum overflows. */
export function addLongDouble(a: LongDouble, b: LongDouble): LongDouble {
  if (a === INFINITE || b === INFINITE) return INFINITE;
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  if (sum === 0n) return ZERO;
  const size = sum < 0n ? -sum : sum;
  const rounded = exponent < 0 ? nearest(size, 1n << BigInt(-exponent)) : nearest(size << BigInt(exponent), 1n);
  return sum < 0n && rounded !== INFINITE ? negated(rounded) : rounded;
}

/** Prints a finite value as Redis does: 17 digits after the point, rounded to even, trailing zeros removed. */
export function formatLongDouble(value: LongDouble): string {
  const negative = value.mantissa < 0n;
  const size = (negative ? -value.mantissa : value.mantissa) * FRACTION_SCALE;
  const scaled =
    value.exponent < 0 ? divideToEven(size, 1n << BigInt(-value.exponent)) : size << BigInt(value.exponent);
  if (scaled === 0n) return "0";
  const digits = scaled.toString().padStart(FRACTION_DIGITS + 1, "0");
  const whole = digits.slice(0, -FRACTION_DIGITS);
  const fraction = digits.slice(-FRACTION_DIGITS).replace(/0+$/, "");
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
