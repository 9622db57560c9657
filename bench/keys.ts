/** Keys of the benchmarks: `key:` and twelve digits, sixteen bytes, written in place so that making one allocates nothing. */
const DIGITS = 12;
const PREFIX = "key:";
export const KEY_BYTES = PREFIX.length + DIGITS;

export class KeyWriter {
  readonly bytes = new Uint8Array(KEY_BYTES);

  constructor() {
    new TextEncoder().encodeInto(PREFIX, this.bytes);
  }

  write(n: number): void {
    let rest = n;
    for (let at = KEY_BYTES - 1; at >= PREFIX.length; at--) {
      this.bytes[at] = 48 + (rest % 10);
      rest = Math.floor(rest / 10);
    }
  }
}

export function keyText(n: number): string {
  return PREFIX + String(n).padStart(DIGITS, "0");
}

/** A quick generator of pseudo-random integers below `limit`, the same at each run. */
export function randomIndexes(limit: number): () => number {
  let state = 123_456_789;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}
