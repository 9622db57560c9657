/**
 * Values that tell on themselves: each carries its key, its number and its length, and all the rest follows from these.
 * So a value that was cut, mixed with another, or put under another key is found by looking at it alone. What APPEND
 * makes is one such value after the other.
 */

/** How a value begins. */
const HEAD = /<([^ ]+) (\d+) (\d+)>/y;

/** Characters of the shortest value of a key with a number of up to nine digits. */
export const MIN_VALUE_LENGTH = 48;

/** The value with this number under `key`: ASCII, `length` characters, at least as many as its head has. */
export function makeValue(key: string, number: number, length: number): string {
  const head = `<${key} ${number} ${length}>`;
  if (length < head.length) throw new RangeError(`${length} characters are too few for ${head}`);
  const block = `${number}-${(Math.imul(number, 2_654_435_761) >>> 0).toString(36)}.`;
  const room = length - head.length;
  return head + block.repeat(Math.ceil(room / block.length)).slice(0, room);
}

/** What is wrong with the value that was found under `key`; undefined if it is whole. */
export function findTear(key: string, value: string): string | undefined {
  for (let at = 0; at < value.length; ) {
    HEAD.lastIndex = at;
    const head = HEAD.exec(value);
    if (head === null) return `no head at ${at} of ${value.length}: ${JSON.stringify(value.slice(at, at + 60))}`;
    const [, owner, number, length] = head as unknown as [string, string, string, string];
    if (owner !== key) return `a value of ${owner}`;
    const end = at + Number(length);
    if (value.slice(at, end) !== makeValue(key, Number(number), Number(length))) {
      return `value ${number} of ${length} characters is not what was written (${value.length - at} there)`;
    }
    at = end;
  }
  return value.length === 0 ? "empty" : undefined;
}
