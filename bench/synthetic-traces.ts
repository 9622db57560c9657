/**
 * Traces made by rule, from a seed: the same requests on every machine. Each stands for one kind of traffic and is
 * hard for some kind of policy:
 *
 *     zipf      stable popularity, exponent 0.9                      recency alone loses
 *     drift     the same, while keys slowly change their rank        old counts mislead
 *     scan      zipf, with long scans of keys that do not return     an LRU is flushed
 *     recency   what was used lately is used again, no favourites    frequency misleads
 *     twice     each key is used twice within a short time, as in
 *               a ledger of transactions                             admission by frequency loses all
 *     news      keys are born, are popular, and fade                 both matter
 *     loop      the same keys in the same order, over and over       an LRU never hits
 *     phases    the kinds above one after the other                  whoever adapts slowly loses
 */

/** Requests by dense key number. */
export interface Trace {
  readonly name: string;
  readonly keys: Uint32Array;
}

/** A small seeded generator (xorshift32, Marsaglia 2003): uniform in [0, 1). */
function createUniform(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 4294967296;
  };
}

/** Ranks from 0 with Zipf's distribution. */
function createZipf(count: number, exponent: number, uniform: () => number): () => number {
  const cumulative = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) {
    sum += (rank + 1) ** -exponent;
    cumulative[rank] = sum;
  }
  return () => {
    const target = uniform() * sum;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((cumulative[middle] as number) < target) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/** Fills `out`; key numbers are below 2^32 and may have gaps. */
type Fill = (out: Uint32Array, keyCount: number, uniform: () => number) => void;

const zipf: Fill = (out, keyCount, uniform) => {
  const next = createZipf(keyCount, 0.9, uniform);
  for (let i = 0; i < out.length; i++) out[i] = next();
};

const drift: Fill = (out, keyCount, uniform) => {
  const next = createZipf(keyCount, 0.9, uniform);
  for (let i = 0; i < out.length; i++) out[i] = next() + Math.floor(i / 40);
};

const scan: Fill = (out, keyCount, uniform) => {
  const next = createZipf(keyCount, 0.9, uniform);
  let scanned = keyCount;
  let left = 0;
  for (let i = 0; i < out.length; i++) {
    if (left === 0 && uniform() < 1 / keyCount) left = keyCount >>> 1;
    if (left > 0 && uniform() < 0.8) {
      left--;
      out[i] = scanned++;
    } else {
      out[i] = next();
    }
  }
};

const recency: Fill = (out, keyCount, uniform) => {
  let born = 0;
  for (let i = 0; i < out.length; i++) {
    const back = Math.ceil((uniform() ** -1.1 - 1) * keyCount * 0.02);
    out[i] = back <= i && back > 0 && uniform() < 0.8 ? (out[i - back] as number) : born++;
  }
};

const twice: Fill = (out, keyCount, uniform) => {
  const due = new Map<number, number>();
  let born = 0;
  for (let i = 0; i < out.length; i++) {
    const again = due.get(i);
    due.delete(i);
    if (again !== undefined) {
      out[i] = again;
      continue;
    }
    out[i] = born;
    if (uniform() < 0.7) due.set(i + 1 + Math.floor(uniform() * keyCount * 0.04), born);
    born++;
  }
};

const news: Fill = (out, keyCount, uniform) => {
  const next = createZipf(keyCount, 1, uniform);
  // The newest keys have the lowest ranks, but a key's appeal differs: half of the requests go to one key in eight.
  for (let i = 0; i < out.length; i++) {
    const newest = keyCount + Math.floor(i / 20);
    const key = newest - next();
    out[i] = uniform() < 0.5 ? key : key - (key % 8);
  }
};

const loop: Fill = (out, keyCount) => {
  for (let i = 0; i < out.length; i++) out[i] = i % keyCount;
};

const FILLS: readonly (readonly [string, Fill])[] = [
  ["zipf", zipf],
  ["drift", drift],
  ["scan", scan],
  ["recency", recency],
  ["twice", twice],
  ["news", news],
  ["loop", loop],
];

/** Keys of one kind of traffic must not be those of another. */
function fillPhases(out: Uint32Array, keyCount: number, uniform: () => number): void {
  const kinds = FILLS.filter(([name]) => name !== "news");
  const phases = kinds.length * 2;
  const length = Math.ceil(out.length / phases);
  for (let phase = 0; phase < phases; phase++) {
    const part = out.subarray(phase * length, (phase + 1) * length);
    const [, fill] = kinds[(phase * 5) % kinds.length] as readonly [string, Fill];
    fill(part, keyCount, uniform);
    for (let i = 0; i < part.length; i++) part[i] = (part[i] as number) + phase * 0x1000_0000;
  }
}

/** Renumbers keys by first use, so that they are dense. */
function densify(keys: Uint32Array): Uint32Array {
  const numbers = new Map<number, number>();
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as number;
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
    }
    keys[i] = number;
  }
  return keys;
}

/**
 * All kinds of traffic.
 *
 * @param keyCount Keys that are alive at a time: the scale; caches are a fraction of it.
 * @param requests Length of each trace.
 */
export function* syntheticTraces(keyCount: number, requests: number, seed = 1): Generator<Trace> {
  for (const [name, fill] of [...FILLS, ["phases", fillPhases] as const]) {
    const keys = new Uint32Array(requests);
    fill(keys, keyCount, createUniform(seed));
    yield { name, keys: densify(keys) };
  }
}
