/**
 * Transactions: what MULTI collects until EXEC, and what WATCH remembers.
 *
 * A queued request is a copy that owns its bytes, because the socket's buffer is gone when EXEC comes. Its keys are
 * still the user's: they are brought into their stored form when it runs, since a SELECT before it in the same
 * transaction changes the database that they are in.
 *
 * WATCH needs no help from the store. It remembers what a key looked like, which is version, origin and expiry, or
 * that there was none; EXEC looks again and compares. A write gives a new version and EXPIRE a new expiry; expiry,
 * eviction, deletion and invalidation make the key absent; SWAPDB is seen because a key is looked up again by its number
 * of database. So nothing is registered anywhere, a connection that breaks off leaves nothing behind, and a write pays
 * nothing for being watched. The one difference to Redis: a key that was absent, came and went again counts as
 * unchanged.
 *
 * Limits: bytes of the queued requests, with what each costs (policy: the request is refused and EXEC will abort), and
 * watched keys of a session (policy: WATCH is refused).
 */
import { copyBytes, decodeLatin1 } from "../../core/bytes.ts";
import { storedKey, userStart } from "../../core/keyspace.ts";
import { MAX_KEY_BYTES } from "../../core/limits.ts";
import type { Node } from "../../node/node.ts";
import type { Args } from "./args.ts";
import type { Route } from "./command-table.ts";

/** Keys that a session may watch at a time. Policy: refuse. */
export const MAX_WATCHED_KEYS = 16_384;
/** What a watched key costs beside its bytes, which are held twice: estimated. */
const WATCH_COST = 256;
/** What a queued request and each of its arguments cost beside its bytes. */
const REQUEST_COST = 256;
const ARGUMENT_COST = 10;

export interface QueuedRequest {
  readonly route: Route;
  readonly args: Args;
}

/** From MULTI to EXEC or DISCARD. */
export class Transaction {
  readonly requests: QueuedRequest[] = [];
  /** A request was refused while queueing: EXEC will abort. */
  failed = false;
  #bytes = 0;

  /**
   * Adds a copy of a request.
   *
   * @param limitBytes what all queued requests of a session may cost together
   * @returns the text of an error if the limit is exceeded, else undefined
   */
  queue(route: Route, args: Args, limitBytes: number): string | undefined {
    let bytes = REQUEST_COST + ARGUMENT_COST * args.count;
    for (let i = 0; i < args.count; i++) bytes += args.length(i);
    const total = this.#bytes + bytes;
    if (total > limitBytes) {
      this.failed = true;
      return `ERR transaction is too large: ${total} bytes, the limit is ${limitBytes} (maxRequestBytes)`;
    }
    this.#bytes = total;
    this.requests.push({ route, args: args.clone() });
    return undefined;
  }

  /** What the queued requests cost. */
  get bytes(): number {
    return this.#bytes;
  }
}

/** What a key looked like; version 0 if there was none. */
interface KeySight {
  version: number;
  origin: number;
  expiresAt: number;
}

interface WatchedKey extends KeySight {
  /** As clients number it. */
  readonly database: number;
  /** The user's key. */
  readonly key: Uint8Array;
}

/** The keys that a session watches. */
export class Watches {
  /** What the watched keys cost. */
  bytes = 0;
  readonly #node: Node;
  readonly #keys = new Map<string, WatchedKey>();
  /** A watched key was absent. */
  sawNothing = false;

  constructor(node: Node) {
    this.#node = node;
  }

  get size(): number {
    return this.#keys.size;
  }

  /**
   * Remembers what the stored key `bytes[start, end)` looks like now. One that is watched already keeps its first look.
   *
   * @param database the session's database, as clients number it
   * @returns false if the session watches too many keys
   */
  add(database: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = userStart(bytes, start, end);
    // No entry can have such a key, so it never changes.
    if (end - from > MAX_KEY_BYTES) return true;
    const name = `${database}:${decodeLatin1(bytes, from, end)}`;
    if (this.#keys.has(name)) return true;
    if (this.#keys.size >= MAX_WATCHED_KEYS) return false;
    const watched: WatchedKey = { database, key: new Uint8Array(end - from), version: 0, origin: 0, expiresAt: 0 };
    copyBytes(bytes, from, end, watched.key, 0);
    look(this.#node, bytes, start, end, watched);
    if (watched.version === 0) this.sawNothing = true;
    this.#keys.set(name, watched);
    this.bytes += WATCH_COST + 2 * (end - from);
    return true;
  }

  /** True if every watched key looks as it did. */
  unchanged(): boolean {
    const node = this.#node;
    const now: KeySight = { version: 0, origin: 0, expiresAt: 0 };
    for (const then of this.#keys.values()) {
      const stored = storedKey(node.databases.physical(then.database), then.key);
      look(node, stored, 0, stored.length, now);
      if (now.version !== then.version || now.origin !== then.origin || now.expiresAt !== then.expiresAt) return false;
    }
    return true;
  }
}

function look(node: Node, bytes: Uint8Array, start: number, end: number, sight: KeySight): void {
  const id = node.peek(bytes, start, end);
  const { table } = node.store;
  sight.version = id === 0 ? 0 : table.version(id);
  sight.origin = id === 0 ? 0 : table.origin(id);
  sight.expiresAt = id === 0 ? 0 : table.expiresAt(id);
}
