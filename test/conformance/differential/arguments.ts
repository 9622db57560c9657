/**
 * What the differential test fills into commands: few keys, so that commands meet, and few values, each of which has
 * broken a parser somewhere. Texts are Latin-1: one character is one byte.
 *
 * Times that would run out while a test runs are left out, for two servers do not notice them in the same instant; so
 * are those between our limit of an expiry (2^48 - 1 ms) and Redis's (2^63 - 1 ms), which are refused on purpose.
 */
import type { Random } from "./random.ts";

/** Draws the words of one argument or of several. */
export type Draw = (random: Random) => string[];

/** One of the words; those of `often` three times as likely as those of `seldom` together. */
function oneOf(often: readonly string[], seldom: readonly string[] = []): Draw {
  return (random) => [random.pick(seldom.length === 0 || random.chance(0.75) ? often : seldom)];
}

/** A choice between arguments. */
export function either(...draws: readonly Draw[]): Draw {
  return (random) => random.pick(draws)(random);
}

/** From `least` to `most` times the same. */
export function many(draw: Draw, least = 1, most = 3): Draw {
  return (random) => {
    const words: string[] = [];
    for (let left = least + random.below(most - least + 1); left > 0; left--) words.push(...draw(random));
    return words;
  };
}

/** The same words in sequence. */
export function group(...parts: readonly (string | Draw)[]): Draw {
  return (random) => parts.flatMap((part) => (typeof part === "string" ? [part] : part(random)));
}

/** Nothing, or the words. */
export function maybe(...parts: readonly (string | Draw)[]): Draw {
  const drawn = group(...parts);
  return (random) => (random.chance(0.5) ? drawn(random) : []);
}

/** None to three of the options in any order, the same one twice as well. An option: words, or "NAME" alone. */
export function options(...choices: readonly (string | Draw)[]): Draw {
  const one: Draw = (random) => {
    const choice = random.pick(choices);
    return typeof choice === "string" ? [choice] : choice(random);
  };
  return (random) => many(one, 0, random.pick([0, 1, 1, 2, 3]))(random);
}

/** Keys: also empty ones, and those that could be taken for Shoal's own form of a key of another database. */
export const key = oneOf(
  ["a", "b", "c"],
  ["", "\xff", "\xff\x01a", "\xff\x03", "\0", "\xc3\xa9", "{a}", "k*", "a\r\n", "\xff\xffa"],
);

const INTEGERS = ["0", "1", "-1", "2", "3", "5", "7", "8", "-2", "-3", "-8", "10", "16", "63", "64", "100", "-100"];
const LARGE = [
  ..."2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 9007199254740991 9007199254740993".split(" "),
  ..."-9007199254740993 999999999999999999 1000000000000000000 9223372036854775806 9223372036854775807".split(" "),
  ..."9223372036854775808 -9223372036854775807 -9223372036854775808 -9223372036854775809".split(" "),
  ..."18446744073709551615 18446744073709551616 100000000000000000000000".split(" "),
];
const NO_INTEGERS = [
  "",
  "abc",
  "1.5",
  " 1",
  "1 ",
  "+1",
  "01",
  "-0",
  "-",
  "--1",
  "1e3",
  "0x10",
  "1\0",
  "\xff",
  "#1",
  "null",
];

export const integer = oneOf(INTEGERS, [...LARGE, ...NO_INTEGERS]);
export const position = oneOf(INTEGERS, [...LARGE, ...NO_INTEGERS]);
export const largeInteger = oneOf([...INTEGERS, ...LARGE], NO_INTEGERS);

const FLOATS = [
  ..."0 1 -1 0.1 0.2 -0.1 1.5 3.0e3 1e17 1e-5 123456789.123456789 1e20 -1e-17 0.30000000000000004 .5 5. 1E2".split(" "),
  ..."9007199254740993 9223372036854775807 18446744073709551615 12345678901234567890 3.333333333333333333333".split(
    " ",
  ),
];
const ODD_FLOATS = [
  ..."1e308 -1e308 1e400 1e4931 -1e4931 1e5000 5e-324 1e-400 inf -inf Infinity nan NaN 0x10 0x1p3 0x 1e e5 1e+ + .".split(
    " ",
  ),
  ..."1_0 1,5 --1 +1.5 +inf -nan 00.5 1e-5000 nan(1) infinit".split(" "),
  ...["", " 1", "1 ", "1\0", "\t1", "abc", "0".repeat(300)],
];
export const float = oneOf(FLOATS, ODD_FLOATS);

const TEXTS = [
  "abc",
  "foobar",
  "hello world",
  "ohmytext",
  "mynewtext",
  "aabbccabc",
  "\0",
  "\xff\xff\xff",
  "\0\0\0\x01",
];
const LENGTHS = [11, 12, 20, 21, 43, 44, 45, 63, 64, 65, 255, 1000].map((length) => "x".repeat(length));
export const value = either(
  oneOf(["0", "1", "10", "-5", "abc", "foobar", ""], [...INTEGERS, ...LARGE, ...NO_INTEGERS]),
  oneOf([...TEXTS, ...FLOATS], [...LENGTHS, ...ODD_FLOATS, "\xff\0".repeat(30), "\xff".repeat(16), "\0".repeat(33)]),
);

const NO_TIMES = [
  "0",
  "-1",
  "-100",
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  ...NO_INTEGERS,
];
/** Never the same one twice: GT and LT would depend on the millisecond. */
const someSeconds: Draw = (random) => [String(100 + random.below(1_000_000))];
const someMilliseconds: Draw = (random) => [String(100_000 + random.below(1_000_000_000))];
const noSeconds = oneOf([...NO_TIMES, "9223372036854776", "-9223372036854776"]);
export const seconds = either(someSeconds, someSeconds, someSeconds, noSeconds);
export const milliseconds = either(someMilliseconds, someMilliseconds, someMilliseconds, oneOf(NO_TIMES));
export const unixSeconds = oneOf(["4102444800", "4102444900", "1", "1000000000"], [...NO_TIMES, "9223372036854776"]);
export const unixMilliseconds = oneOf(["4102444800000", "4102444900123", "1", "1000000000000"], NO_TIMES);
export const database = oneOf(["0", "1", "2"], ["15", "16", "-1", ...LARGE, ...NO_INTEGERS]);

export const bit = oneOf(["0", "1"], ["2", "-1", "01", "", "abc", "9223372036854775808"]);
/** Offsets up to where a value would be as long as the longest; from there to 2^32 Redis's limit is configured. */
export const bitOffset = oneOf(
  ["0", "1", "7", "8", "9", "15", "31", "100", "1000"],
  ["4294967296", "8388608000000", "-1", "", "abc", "01", "9223372036854775807", "9223372036854775808", "#1"],
);
export const byteOffset = oneOf(
  ["0", "1", "2", "5", "10", "50"],
  [
    "-1",
    "536870912",
    "1048576",
    "1048577",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    ...NO_INTEGERS,
  ],
);
export const fieldType = oneOf(
  ["i8", "u8", "i16", "u4", "i5", "i64", "u63", "u1", "i1", "i33", "u32", "i32"],
  ["u64", "i65", "i0", "u0", "u", "i", "", "x8", "I8", "U8", "i08", "i+8", "i-8", " i8", "i8 ", "u100"],
);
export const fieldOffset = oneOf(
  ["0", "1", "3", "8", "17", "#0", "#1", "#2", "#5"],
  ["-1", "#-1", "#", "", "abc", "##1", "4294967296", "#99999999999", "#9223372036854775807", "9223372036854775808"],
);
/** What SET and INCRBY of a bit field take, without those near -2^63, where Redis's own check for overflow overflows. */
export const fieldValue = oneOf(
  ["0", "1", "-1", "2", "127", "128", "255", "256", "-128", "-129", "1000", "-1000"],
  ["2147483647", "4294967296", "9007199254740993", "9223372036854775807", "9223372036854775808", ...NO_INTEGERS],
);

export const pattern = oneOf(
  ["*", "a", "?", "[abc]", "*a*"],
  ["", "\xff*", "[^a]", "[a-c]", "k\\*", "[", "[]", "\\", "**", "[c-a]", "?*", "[^", "[a-", "\0"],
);
export const cursor = oneOf(["0"], ["-1", "abc", "", "1.5", "+0", " 0", "18446744073709551616", "00"]);
export const typeName = oneOf(["string", "STRING"], ["hash", "list", "nonsense", "", "stream"]);
export const junk = oneOf([
  "NX",
  "XX",
  "GET",
  "EX",
  "PX",
  "LIMIT",
  "KEEPTTL",
  "BIT",
  "REPLACE",
  "0",
  "-1",
  "",
  "a",
  "\xff",
  "ASYNC",
  "DB",
]);
