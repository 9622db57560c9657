/**
 * Touches that came before what they touch: a recovery loads the journal first, and in the snapshot behind it stand
 * entries whose expiry the journal changed. A touch is remembered by its key until a record of exactly the version that
 * it names comes, which then has the touch's times. Of a key the last touch of the newest version counts.
 *
 * Limit: `MAX_TOUCHES`. Policy: a guard keeps the version that is named out, so that nothing is served beyond an expiry
 * that was lost.
 */
import { equalBytes } from "../core/bytes.ts";
import { keySlot } from "../core/crc16.ts";
import type { MutableRecord } from "../core/record.ts";
import { stampOf } from "./applier.ts";
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";

const MAX_TOUCHES = 262_144;

interface Touch {
  readonly key: Uint8Array;
  readonly target: number;
  readonly targetOrigin: number;
  readonly expiresAt: number;
  readonly staleUntil: number;
  readonly revalidateUntil: number;
}

export class PendingTouches {
  readonly #entries: Entries;
  /** By the hash of the key, newest last. */
  readonly #touches = new Map<number, Touch[]>();
  readonly #hashes = new Set<number>();
  readonly #limit: number;
  #size = 0;

  constructor(entries: Entries, limit: number = MAX_TOUCHES) {
    this.#entries = entries;
    this.#limit = limit;
  }

  get size(): number {
    return this.#size;
  }

  /** Hashes of their keys. */
  get hashes(): ReadonlySet<number> {
    return this.#hashes;
  }

  /** Remembers a TOUCH if what it names is not there and may still come. */
  add(record: MutableRecord): void {
    const { table, guards } = this.#entries;
    const { key, keyStart, keyEnd, target } = record;
    const hash = this.#entries.hashOf(key, keyStart, keyEnd);
    const id = this.#entries.find(hash, key, keyStart, keyEnd);
    if (id !== 0 && (table.version(id) >= target || table.hasFlag(id, Flag.TOMBSTONE))) return;
    const touches = this.#touches.get(hash) ?? [];
    const others = touches.filter((one) => !isKey(one.key, record));
    const known = others.length < touches.length;
    if (touches.some((one) => one.target > target && !others.includes(one))) return;
    if (!known && this.#size >= this.#limit) {
      guards.add(hash, keySlot(key, keyStart, keyEnd), target);
      return;
    }
    if (!known) this.#size++;
    const { targetOrigin, expiresAt, staleUntil, revalidateUntil } = record;
    const touch = { key: key.slice(keyStart, keyEnd), target, targetOrigin, expiresAt, staleUntil, revalidateUntil };
    this.#touches.set(hash, [...others, touch]);
    this.#hashes.add(hash);
  }

  /** Gives a SET or FILL the times of the touch that names it, if there is one. */
  amend(record: MutableRecord): void {
    if (this.#size === 0) return;
    const touches = this.#touches.get(this.#entries.hashOf(record.key, record.keyStart, record.keyEnd)) ?? [];
    for (const touch of touches) {
      if (touch.target !== stampOf(record) || touch.targetOrigin !== record.origin) continue;
      if (!isKey(touch.key, record)) continue;
      record.expiresAt = touch.expiresAt;
      // What was written without stale times has no room for them.
      if (record.staleUntil === 0) continue;
      record.staleUntil = touch.staleUntil;
      record.revalidateUntil = touch.revalidateUntil;
    }
  }

  clear(): void {
    this.#touches.clear();
    this.#hashes.clear();
    this.#size = 0;
  }
}

function isKey(key: Uint8Array, record: MutableRecord): boolean {
  return key.length === record.keyBytes && equalBytes(key, 0, record.key, record.keyStart, key.length);
}
