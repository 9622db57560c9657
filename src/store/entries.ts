/**
 * The entries and everything that points to them: table, index, segments, wheel, tags, policy, guards. This is the one
 * place where an entry is linked into all of them or taken out of all of them, so that they cannot disagree.
 *
 * Nothing here decides: `applier.ts` decides what a record does, `budget.ts` who must go, `sweeper.ts` and the wheel
 * what is over. What an entry is worth to a reader (fresh, stale, nothing) is computed here, from its flags, its expiry
 * and the epochs that are newer than it.
 */

import { keySlot } from "../core/crc16.ts";
import { hashBytes } from "../core/hash.ts";
import { DATABASE_COUNT, DATABASE_MARK, databaseOf, userStart } from "../core/keyspace.ts";
import type { Random } from "../core/ports.ts";
import { BucketArray } from "./bucket-array.ts";
import { createPolicy } from "./create-policy.ts";
import { EntryTable, Flag } from "./entry-table.ts";
import { EpochRows, Fate } from "./epochs.ts";
import { EvictionCounts } from "./eviction-counts.ts";
import { extrasLength, readRevalidateUntil, readStaleUntil, tagCount, tagIdAt } from "./extras.ts";
import { Guards } from "./guards.ts";
import { Origins } from "./origins.ts";
import type { RemovalReason } from "./outcome.ts";
import { PatternEpochs } from "./pattern-epochs.ts";
import type { Policy, PolicyName } from "./policy.ts";
import { Segments } from "./segments.ts";
import { StoreWork } from "./store-work.ts";
import { TagDictionary } from "./tag-dictionary.ts";
import { TagQueue } from "./tag-queue.ts";
import { TimingWheel } from "./timing-wheel.ts";
import { Tombstones } from "./tombstones.ts";

/** Flags that keep an entry from being served at once. */
const UNSERVABLE = Flag.TOMBSTONE | Flag.HIDDEN | Flag.STALE;

export interface EntriesOptions {
  readonly segmentBytes: number;
  readonly policy: PolicyName;
  /** Limit by number; 0 limits by bytes alone. With a limit each entry weighs 1, otherwise its bytes. */
  readonly maxEntries: number;
  readonly origin: number;
  readonly maxClockSkew: number;
  readonly random: Random;
  readonly nowMs: number;
}

export class Entries {
  readonly table = new EntryTable();
  readonly buckets = new BucketArray(this.table);
  readonly segments: Segments;
  readonly wheel: TimingWheel;
  readonly tags: TagDictionary;
  /** Tags with epochs, in the order in which they were raised. */
  readonly tagQueue = new TagQueue();
  readonly patterns = new PatternEpochs();
  /** Epochs of whole databases (flush, or "everything"), by physical database; 0 where there is none. */
  readonly flushes = new EpochRows();
  readonly flushRows: number[] = new Array(DATABASE_COUNT).fill(0);
  readonly tombstones = new Tombstones(this.table);
  readonly guards = new Guards();
  readonly origins: Origins;
  policy: Policy;
  maxEntries: number;

  /** Wall-clock time of this turn, ms since the Unix epoch. */
  nowMs: number;
  /** No record older than this version can arrive any more. Infinity on a node that is alone. */
  stable = Number.POSITIVE_INFINITY;
  /** Entries at or below this stamp may be concerned by an epoch; 0 while there is none. */
  newestEpoch = 0;
  /** The same of an epoch, or hidden: what a reader compares first. */
  doubtfulTo = 0;
  #hiddenTo = 0;
  /**
   * True while a journal and a snapshot are being loaded: nothing is taken back by time. What prolonged an entry may come
   * after it, and until the end an expired one keeps out what is older, as a guard would, of which there are few.
   */
  restoring = false;
  /** Entries that are no tombstones, by physical database, and how many of them expire. */
  readonly counts: number[] = new Array(DATABASE_COUNT).fill(0);
  readonly expiring: number[] = new Array(DATABASE_COUNT).fill(0);
  /** Entries at or below this stamp were flushed with their database and are in its counts no more; 0 for none. */
  readonly uncountedTo: number[] = new Array(DATABASE_COUNT).fill(0);
  /** All entries, those that wait for the sweep included. */
  size = 0;
  /** Grows with every removal: ids found before may be gone when it changed. */
  removals = 0;
  /** Told before an entry leaves for space, time or an epoch. */
  onRemove: ((id: number, reason: RemovalReason) => void) | undefined;
  readonly evictions = new EvictionCounts();
  readonly work = new StoreWork();
  readonly removed: Record<RemovalReason, number> = { evicted: 0, expired: 0, invalidated: 0, deleted: 0, replaced: 0 };

  /** In stamps. */
  readonly maxClockSkew: number;
  readonly #seed0: number;
  readonly #seed1: number;
  readonly #policySeed: number;

  constructor(options: EntriesOptions) {
    this.#seed0 = options.random.uint32() | 0;
    this.#seed1 = options.random.uint32() | 0;
    this.#policySeed = options.random.uint32() | 1;
    this.maxClockSkew = options.maxClockSkew;
    this.nowMs = options.nowMs;
    this.maxEntries = options.maxEntries;
    this.segments = new Segments(options.segmentBytes);
    this.tags = new TagDictionary(this.segments, this.#seed1, this.#seed0);
    this.wheel = new TimingWheel(this.table, options.nowMs, (id) => this.reclaimAt(id));
    this.origins = new Origins(options.origin);
    this.policy = this.#createPolicy(options.policy);
  }

  hashOf(key: Uint8Array, start: number, end: number): number {
    return hashBytes(key, start, end, this.#seed0, this.#seed1);
  }

  /** The entry with this key, tombstones and hidden ones included; 0 if there is none. */
  find(hash: number, key: Uint8Array, start: number, end: number): number {
    const table = this.table;
    const segments = this.segments;
    let id = this.buckets.head(this.buckets.bucketOf(hash));
    while (id !== 0) {
      if (table.hash(id) === hash && segments.holdsKey(table.address(id) >>> 0, key, start, end)) return id;
      id = table.chain(id);
    }
    return 0;
  }

  /** True if a plain read may be answered with the entry. */
  isFresh(id: number): boolean {
    const table = this.table;
    if ((table.flags(id) & UNSERVABLE) !== 0 || table.expired(id, this.nowMs)) return false;
    if (this.doubtfulTo === 0 || table.version(id) > this.doubtfulTo) return true;
    return table.version(id) > this.#hiddenTo && this.fate(id) === Fate.ALIVE;
  }

  /**
   * Entries at or below this stamp are hidden, 0 for none: they are there and counted, and what is written meets them as
   * ever, but readers are not served with them.
   */
  get hiddenTo(): number {
    return this.#hiddenTo;
  }
  set hiddenTo(stamp: number) {
    this.#hiddenTo = stamp;
    this.doubtfulTo = Math.max(this.newestEpoch, stamp);
  }

  /** What the entry is worth to a reader now: ALIVE (fresh), STALE (only where stale is allowed), DEAD. */
  worth(id: number): Fate {
    const table = this.table;
    const flags = table.flags(id);
    if ((flags & (Flag.TOMBSTONE | Flag.HIDDEN)) !== 0) return Fate.DEAD;
    let worth: Fate = (flags & Flag.STALE) !== 0 ? Fate.STALE : Fate.ALIVE;
    if (this.doubtfulTo !== 0 && table.version(id) <= this.doubtfulTo) {
      if (table.version(id) <= this.#hiddenTo) return Fate.DEAD;
      const fate = this.fate(id);
      if (fate > worth) worth = fate;
    }
    if (worth === Fate.DEAD || !table.expired(id, this.nowMs)) return worth;
    return this.staleUntil(id) > this.nowMs ? Fate.STALE : Fate.DEAD;
  }

  /** What the epochs say of the entry; flags and expiry, and whether it is hidden, aside. */
  fate(id: number): Fate {
    const { table, segments } = this;
    const version = table.version(id);
    const fill = table.hasFlag(id, Flag.FILL);
    const skew = fill && table.origin(id) !== 0 ? this.maxClockSkew : 0;
    const address = table.address(id) >>> 0;
    const bytes = segments.bytes[segments.segmentOf(address)];
    const start = segments.offsetOf(address) + 4;
    const end = start + segments.keyLength(address);
    let fate = this.keyFate(bytes, start, end, version, fill, skew);
    if (this.tags.epochs.count > 0 && table.hasFlag(id, Flag.EXTRAS)) {
      for (let i = tagCount(bytes, end); i-- > 0 && fate !== Fate.DEAD; ) {
        const one = this.tags.fate(tagIdAt(bytes, end, i), version, fill, skew);
        if (one > fate) fate = one;
      }
    }
    return fate;
  }

  /** What flushes and patterns say of a stored key with this stamp. */
  keyFate(key: Uint8Array, start: number, end: number, version: number, fill: boolean, skew: number): Fate {
    const database = databaseOf(key, start, end);
    const row = this.flushRows[database];
    let fate: Fate = row === 0 ? Fate.ALIVE : this.flushes.fate(row, version, fill, skew);
    if (this.patterns.size > 0 && fate !== Fate.DEAD) {
      const one = this.patterns.fate(database, key, userStart(key, start, end), end, version, fill, skew);
      if (one > fate) fate = one;
    }
    return fate;
  }

  /** After epochs were raised or forgotten. */
  refreshNewestEpoch(): void {
    const newest = Math.max(this.tags.epochs.newest, this.patterns.epochs.newest, this.flushes.newest);
    this.newestEpoch = newest === 0 ? 0 : newest + this.maxClockSkew;
    this.doubtfulTo = Math.max(this.newestEpoch, this.#hiddenTo);
  }

  /**
   * True if the entry may be served while it is being revalidated: fresh, or stale and neither dead nor behind that
   * bound. As with `worth`, the bounds count from the expiry on: what was invalidated softly is stale until it expires.
   */
  isRevalidatable(id: number): boolean {
    if (this.worth(id) === Fate.DEAD) return false;
    return !this.table.expired(id, this.nowMs) || this.revalidateUntil(id) > this.nowMs;
  }

  /** The end of all stale serving, 0 if there is none. */
  staleUntil(id: number): number {
    if (!this.table.hasFlag(id, Flag.EXTRAS)) return 0;
    const address = this.table.address(id) >>> 0;
    const at = this.segments.offsetOf(address) + 4 + this.segments.keyLength(address);
    return readStaleUntil(this.segments.bytes[this.segments.segmentOf(address)], at);
  }

  /** Until when the entry may be served stale while it is being revalidated, at most `staleUntil`; 0 for not at all. */
  revalidateUntil(id: number): number {
    if (!this.table.hasFlag(id, Flag.EXTRAS)) return 0;
    const address = this.table.address(id) >>> 0;
    const at = this.segments.offsetOf(address) + 4 + this.segments.keyLength(address);
    return readRevalidateUntil(this.segments.bytes[this.segments.segmentOf(address)], at);
  }

  /** When the entry's bytes may be taken back, 0 for never. */
  reclaimAt(id: number): number {
    const expiresAt = this.table.expiresAt(id);
    return expiresAt === 0 ? 0 : Math.max(expiresAt, this.staleUntil(id));
  }

  /** Bytes of extras in front of the value. */
  extrasLength(id: number): number {
    if (!this.table.hasFlag(id, Flag.EXTRAS)) return 0;
    const address = this.table.address(id) >>> 0;
    const at = this.segments.offsetOf(address) + 4 + this.segments.keyLength(address);
    return extrasLength(this.segments.bytes[this.segments.segmentOf(address)], at);
  }

  /**
   * Sets the expiry and keeps wheel and counts right. A deadline that only moves back stays where it is in the wheel:
   * when its turn comes the store sees that it is not over yet and puts it in again.
   */
  schedule(id: number, expiresAt: number): void {
    const { table, wheel } = this;
    const before = table.hasFlag(id, Flag.EXPIRES) ? table.expiresAt(id) : 0;
    if (expiresAt === before) return;
    table.setExpiresAt(id, expiresAt);
    if (before !== 0 && expiresAt > before) return;
    if (before !== 0) wheel.remove(id);
    if (expiresAt !== 0) wheel.add(id, this.reclaimAt(id));
    if (!this.isCounted(id)) return;
    if (before === 0) this.expiring[this.databaseOf(id)]++;
    else if (expiresAt === 0) this.expiring[this.databaseOf(id)]--;
  }

  /** The physical database of an entry. */
  databaseOf(id: number): number {
    const address = this.table.address(id) >>> 0;
    const bytes = this.segments.bytes[this.segments.segmentOf(address)];
    const start = this.segments.offsetOf(address) + 4;
    if (bytes[start] !== DATABASE_MARK) return 0;
    return databaseOf(bytes, start, start + this.segments.keyLength(address));
  }

  /** False for an entry that was flushed with its database and waits for the sweep. */
  isCounted(id: number): boolean {
    return this.flushes.count === 0 || this.table.version(id) > this.uncountedTo[this.databaseOf(id)];
  }

  weightOf(id: number): number {
    return this.maxEntries > 0 ? 1 : this.segments.itemBytes(this.table.address(id) >>> 0);
  }

  /** Takes an entry or tombstone out of everything. */
  remove(id: number, reason: RemovalReason): void {
    const { table, segments } = this;
    const address = table.address(id) >>> 0;
    const tombstone = table.hasFlag(id, Flag.TOMBSTONE);
    if (this.onRemove !== undefined && !tombstone) this.onRemove(id, reason);
    // What is replaced or deleted leaves something newer under its key; all others leave a guard while older may arrive.
    const succeeded = reason === "replaced" || (reason === "deleted" && !tombstone);
    if (!succeeded && table.version(id) > this.stable) this.guard(id);
    this.removals++;
    if (tombstone) {
      this.tombstones.remove(id);
    } else {
      this.removed[reason]++;
      this.policy.remove(id);
      this.schedule(id, 0);
      if (this.isCounted(id)) this.counts[this.databaseOf(id)]--;
      this.size--;
      if (table.hasFlag(id, Flag.EXTRAS)) this.releaseTags(id);
    }
    this.buckets.remove(id, table.hash(id), this.size + this.tombstones.size);
    segments.kill(address);
    table.release(id);
  }

  /** Forgets tombstones and guards that `stable` has passed. True if it stopped at `limit` of either. */
  forgetOver(limit: number): boolean {
    const { tombstones, guards, stable } = this;
    for (let n = 0; tombstones.size > 0 && this.table.version(tombstones.oldest) <= stable; n++) {
      if (n === limit) return true;
      this.remove(tombstones.oldest, "deleted");
    }
    return guards.forget(stable, limit);
  }

  releaseTags(id: number): void {
    const address = this.table.address(id) >>> 0;
    const bytes = this.segments.bytes[this.segments.segmentOf(address)];
    const at = this.segments.offsetOf(address) + 4 + this.segments.keyLength(address);
    for (let i = tagCount(bytes, at); i-- > 0; ) this.tags.release(tagIdAt(bytes, at, i));
  }

  /** Remembers that nothing older than this entry may be stored under its key. */
  guard(id: number): void {
    const address = this.table.address(id) >>> 0;
    const start = this.segments.offsetOf(address) + 4;
    const bytes = this.segments.bytes[this.segments.segmentOf(address)];
    const slot = keySlot(bytes, start, start + this.segments.keyLength(address));
    this.guards.add(this.table.hash(id), slot, this.table.version(id));
  }

  /** Bytes of everything but the segments. */
  get overheadBytes(): number {
    return (
      this.table.allocatedBytes +
      this.buckets.allocatedBytes +
      this.wheel.allocatedBytes +
      this.tags.allocatedBytes +
      this.tagQueue.allocatedBytes +
      this.patterns.allocatedBytes +
      this.flushes.allocatedBytes +
      this.guards.allocatedBytes +
      this.policy.allocatedBytes
    );
  }

  get allocatedBytes(): number {
    return this.overheadBytes + this.segments.allocatedBytes;
  }

  /** Takes another policy; it learns the entries in no particular order. */
  usePolicy(name: PolicyName): void {
    this.policy = this.#createPolicy(name);
    for (let id = 1; id < this.table.limit; id++) {
      this.table.setQueue(id, 0);
      const flags = this.table.flags(id);
      if ((flags & Flag.LIVE) === 0 || (flags & Flag.TOMBSTONE) !== 0) continue;
      this.table.setPrevious(id, 0);
      this.table.setNext(id, 0);
      this.policy.add(id);
    }
  }

  /** Forgets every entry, tombstone and epoch, and gives the memory back. Guards and floors stay. */
  clear(): void {
    this.removals++;
    this.table.clear();
    this.buckets.clear();
    this.segments.clear();
    this.wheel.clear(this.nowMs);
    this.tags.clear();
    this.tagQueue.clear();
    this.patterns.clear();
    this.flushes.clear();
    this.flushRows.fill(0);
    this.uncountedTo.fill(0);
    this.tombstones.clear();
    this.policy.clear();
    this.counts.fill(0);
    this.expiring.fill(0);
    this.size = 0;
    this.newestEpoch = 0;
    this.doubtfulTo = this.#hiddenTo;
  }

  #createPolicy(name: PolicyName): Policy {
    return createPolicy(name, { table: this.table, weightOf: (id) => this.weightOf(id) }, this.#policySeed);
  }
}
