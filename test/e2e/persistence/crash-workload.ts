/**
 * What the connections of a crash test ask for, drawn from a seed. By connection `i` and class of keys:
 *
 *     c<i>:p<n>  SET with and without TTL, APPEND, EXPIRE, PERSIST, DEL, purges by key and pattern
 *     c<i>:n<n>  INCR, DEL
 *     c<i>:t<n>  SHOAL.SET with tags of the connection's own, purges and invalidations of these
 *     c<i>:e<n>  times to live so short that they end during the test
 *     c<i>:s<n>  SHOAL.SET with tags that all share, and that any connection purges by tag or pattern
 *     c<i>:x...  SET alone, while a server is still loading
 *
 * The last connection has database 1 for itself, writes `p` keys there, and empties it now and then. Classes are kept
 * apart so that no request's meaning depends on something that is not known: whether a key had just expired, or whether
 * another connection's purge came first.
 */
import type { Action, KeyState, Selection } from "./crash-model.ts";
import { MIN_VALUE_LENGTH, makeValue } from "./crash-value.ts";

/** Connections, the last of which uses database 1. */
export const CONNECTIONS = 6;
export const OTHER_DATABASE = CONNECTIONS - 1;

const KEYS_PER_CLASS = 6;
const HOUR_MS = 3_600_000;
/** A value is written anew rather than appended to above this. */
const MAX_APPENDED = 20_000;

/** Numbers from a seed: mulberry32. */
export class Draw {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 to 1, without 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `min` to `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  chance(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.between(0, list.length - 1)] as T;
  }
}

const nothing: Selection = { keys: [], tags: [], patterns: [] };

export class Workload {
  readonly #draw: Draw;
  #number = 0;
  /** Characters that a key has at the most. */
  readonly #lengths = new Map<string, number>();
  /** Keys of class `e` that last an hour. */
  readonly #lasting = new Set<string>();
  /** False: nothing that makes what was written before it durable, which is purges, invalidations and snapshots. */
  receipts = true;
  /** All keys that were ever named, by connection. */
  readonly keys: ReadonlySet<string>[] = Array.from({ length: CONNECTIONS }, () => new Set<string>());

  constructor(draw: Draw) {
    this.#draw = draw;
  }

  /**
   * A new life begins with these entries. Those of class `e` that would have lasted an hour may be lost, and what was there
   * before them may have expired: an EXPIRE for that would mean nothing.
   *
   * @param nowAt ms since the Unix epoch
   */
  recovered(entries: ReadonlyMap<string, NonNullable<KeyState>>, nowAt: number): void {
    this.#lasting.clear();
    for (const [key, { expires }] of entries) {
      if (key.includes(":e") && expires !== undefined && expires.from > nowAt + HOUR_MS / 2) this.#lasting.add(key);
    }
  }

  /** The next request of a connection. */
  next(connection: number): Action {
    for (;;) {
      const action = this.#any(connection);
      if (this.receipts || !("selection" in action || action.kind === "save")) return action;
    }
  }

  #any(connection: number): Action {
    const draw = this.#draw;
    if (connection === OTHER_DATABASE) return draw.chance(0.04) ? { kind: "flush" } : this.#plain(connection);
    const at = draw.next();
    if (at < 0.42) return this.#plain(connection);
    if (at < 0.52) return this.#count(connection);
    if (at < 0.7) return this.#tagged(connection);
    if (at < 0.82) return this.#ephemeral(connection);
    if (at < 0.99) return this.#shared(connection);
    return { kind: "save" };
  }

  /** Writes a key that was never used before. */
  fresh(connection: number): Action {
    return this.#set(this.#key(connection, "x", ++this.#number), 0, []);
  }

  #key(connection: number, family: string, n = this.#draw.between(0, KEYS_PER_CLASS - 1)): string {
    const key = `c${connection}:${family}${n}`;
    (this.keys[connection] as Set<string>).add(key);
    return key;
  }

  #value(key: string): string {
    const draw = this.#draw;
    const at = draw.next();
    const longest = at < 0.7 ? 300 : at < 0.93 ? 4_000 : at < 0.995 ? 30_000 : 400_000;
    return makeValue(key, ++this.#number, draw.between(MIN_VALUE_LENGTH, longest));
  }

  #set(key: string, ttlMs: number, tags: readonly string[]): Action {
    const value = this.#value(key);
    this.#lengths.set(key, value.length);
    return { kind: "set", key, value, ttlMs, tags };
  }

  #plain(connection: number): Action {
    const draw = this.#draw;
    const key = this.#key(connection, "p");
    const at = draw.next();
    const length = this.#lengths.get(key) ?? 0;
    if (at >= 0.5 && at < 0.68 && length < MAX_APPENDED) {
      const value = makeValue(key, ++this.#number, draw.between(MIN_VALUE_LENGTH, 400));
      this.#lengths.set(key, length + value.length);
      return { kind: "append", key, value };
    }
    if (at >= 0.68 && at < 0.8) return { kind: "expire", key, ttlMs: HOUR_MS + draw.between(0, 1_000_000) };
    if (at >= 0.8 && at < 0.86) return { kind: "persist", key };
    if (at >= 0.86 && at < 0.96) return { kind: "delete", key };
    if (at >= 0.96 && connection !== OTHER_DATABASE) {
      const selection = draw.chance(0.5)
        ? { ...nothing, keys: [key] }
        : { ...nothing, patterns: [`${key.slice(0, 4)}*`] };
      return { kind: draw.chance(0.5) ? "purge" : "invalidate", selection };
    }
    return this.#set(key, draw.chance(0.4) ? HOUR_MS + draw.between(0, 1_000_000) : 0, []);
  }

  #count(connection: number): Action {
    const key = this.#key(connection, "n");
    return { kind: this.#draw.chance(0.9) ? "increment" : "delete", key };
  }

  #tagged(connection: number): Action {
    const draw = this.#draw;
    const key = this.#key(connection, "t");
    const tag = () => `own:${connection}:${draw.between(0, 3)}`;
    const at = draw.next();
    if (at < 0.1) return { kind: "delete", key };
    if (at < 0.3) return { kind: draw.chance(0.5) ? "purge" : "invalidate", selection: { ...nothing, tags: [tag()] } };
    return this.#set(key, draw.chance(0.3) ? HOUR_MS : 0, [...new Set([tag(), tag()])]);
  }

  #ephemeral(connection: number): Action {
    const draw = this.#draw;
    const key = this.#key(connection, "e");
    if (this.#lasting.delete(key)) return { kind: "expire", key, ttlMs: draw.between(1, 600) };
    const lasting = draw.chance(0.3);
    if (lasting) this.#lasting.add(key);
    return this.#set(key, lasting ? HOUR_MS : draw.between(1, 800), []);
  }

  #shared(connection: number): Action {
    const draw = this.#draw;
    const at = draw.next();
    const tag = () => `shared:${draw.between(0, 3)}`;
    if (at < 0.06) return { kind: draw.chance(0.6) ? "purge" : "invalidate", selection: { ...nothing, tags: [tag()] } };
    if (at < 0.1)
      return { kind: "purge", selection: { ...nothing, patterns: [`*:s${draw.between(0, KEYS_PER_CLASS - 1)}`] } };
    const key = this.#key(connection, "s");
    return at < 0.2 ? { kind: "delete", key } : this.#set(key, 0, [tag()]);
  }
}

/** The request as it is sent. */
export function toCommand(action: Action): (string | number | Uint8Array)[] {
  switch (action.kind) {
    case "set": {
      const ttl = action.ttlMs === 0 ? [] : ["PX", action.ttlMs];
      const value = Buffer.from(action.value, "latin1");
      if (action.tags.length === 0) return ["SET", action.key, value, ...ttl];
      return ["SHOAL.SET", action.key, value, ...ttl, "TAGS", action.tags.length, ...action.tags];
    }
    case "append":
      return ["APPEND", action.key, action.value];
    case "increment":
      return ["INCR", action.key];
    case "delete":
      return ["DEL", action.key];
    case "persist":
      return ["PERSIST", action.key];
    case "expire":
      return ["PEXPIRE", action.key, action.ttlMs];
    case "flush":
      return ["FLUSHDB"];
    case "save":
      return ["BGSAVE"];
    case "purge":
    case "invalidate": {
      const { keys, tags, patterns } = action.selection;
      const words: (string | number)[] = [`SHOAL.${action.kind.toUpperCase()}`];
      if (keys.length > 0) words.push("KEYS", keys.length, ...keys);
      if (tags.length > 0) words.push("TAGS", tags.length, ...tags);
      for (const pattern of patterns) words.push("MATCH", pattern);
      return words;
    }
  }
}
