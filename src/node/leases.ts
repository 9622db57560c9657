/**
 * Leases: the right to fill one key (Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013). At most one holder per
 * key; a lease ends when it is filled, released, or `maxLeaseMs` old. `began` is the version at which it was granted and
 * becomes the fill's version: what was written or invalidated since then is newer, so the fill loses.
 *
 * The store must remember deletes and epochs back to the oldest open lease: `oldest` is part of the node's `stable`.
 * Limit: a full table refuses new leases; the caller loads without storing.
 */
import { decodeLatin1 } from "../core/bytes.ts";
import { MAX_LEASES } from "../core/limits.ts";
import type { Random } from "../core/ports.ts";

export interface Lease {
  /** Names the lease to `fill` and `release`. */
  readonly token: string;
  /** The stored key. */
  readonly key: Uint8Array;
  /** Ms since the Unix epoch. */
  readonly expiresAt: number;
  /** Version at which it was granted. */
  readonly began: number;
}

/** What a lease takes beside its key, which is held as bytes and as text. */
const LEASE_COST = 384;

export class Leases {
  readonly #random: Random;
  readonly #byToken = new Map<string, Lease>();
  readonly #byKey = new Map<string, Lease>();
  /** Leases that ended by time since `takeExpired` was called last. */
  expired = 0;
  /** No lease is over before this, ms since the Unix epoch; known after a full table has been looked through. */
  #nextExpiry = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#byToken.size;
  }

  /** Bytes that the open leases take, as measured on the engines, about. Looks at each of them. */
  get allocatedBytes(): number {
    let bytes = 0;
    for (const { key } of this.#byToken.values()) bytes += LEASE_COST + 2 * key.length;
    return bytes;
  }

  get full(): boolean {
    return this.#byToken.size >= MAX_LEASES;
  }

  /** Version of the oldest open lease, Infinity if there is none. Leases are kept in order of granting. */
  get oldest(): number {
    for (const lease of this.#byToken.values()) return lease.began;
    return Number.POSITIVE_INFINITY;
  }

  /** The open lease of a stored key. */
  holder(key: Uint8Array, start: number, end: number, nowMs: number): Lease | undefined {
    const lease = this.#byKey.get(decodeLatin1(key, start, end));
    if (lease === undefined || lease.expiresAt > nowMs) return lease;
    this.#end(lease);
    this.expired++;
    return undefined;
  }

  /** Grants a lease, or returns undefined where the table is full. The key must have no holder. */
  grant(key: Uint8Array, start: number, end: number, began: number, expiresAt: number): Lease | undefined {
    if (this.full) return undefined;
    this.#nextExpiry = Math.min(this.#nextExpiry, expiresAt);
    const token = `${hex(this.#random.uint32())}${hex(this.#random.uint32())}`;
    const lease: Lease = { token, key: key.slice(start, end), expiresAt, began };
    this.#byToken.set(token, lease);
    this.#byKey.set(decodeLatin1(key, start, end), lease);
    return lease;
  }

  /** The lease of a token, if it is open; it stays so. */
  open(token: string, nowMs: number): Lease | undefined {
    const lease = this.#byToken.get(token);
    return lease === undefined || lease.expiresAt <= nowMs ? undefined : lease;
  }

  /** Ends a lease and returns it, if it is open. */
  take(token: string, nowMs: number): Lease | undefined {
    const lease = this.#byToken.get(token);
    if (lease === undefined) return undefined;
    this.#end(lease);
    if (lease.expiresAt > nowMs) return lease;
    this.expired++;
    return undefined;
  }

  /** Ends what is over; looks at the oldest ones first and stops at the first that is not. */
  expire(nowMs: number): void {
    for (const lease of this.#byToken.values()) {
      if (lease.expiresAt > nowMs) return;
      this.#end(lease);
      this.expired++;
    }
  }

  /** Ends all that are over, for a table that is full. At most one look at all of them until the next one is over. */
  expireAll(nowMs: number): void {
    if (nowMs < this.#nextExpiry) return;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const lease of this.#byToken.values()) {
      if (lease.expiresAt > nowMs) {
        this.#nextExpiry = Math.min(this.#nextExpiry, lease.expiresAt);
        continue;
      }
      this.#end(lease);
      this.expired++;
    }
  }

  /** How many have ended by time since the last call. */
  takeExpired(): number {
    const { expired } = this;
    this.expired = 0;
    return expired;
  }

  /** Cancels every lease: the store forgot what would have kept their fills out. */
  cancelAll(): void {
    this.#byToken.clear();
    this.#byKey.clear();
  }

  #end(lease: Lease): void {
    this.#byToken.delete(lease.token);
    const key = decodeLatin1(lease.key);
    if (this.#byKey.get(key) === lease) this.#byKey.delete(key);
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, "0");
}
