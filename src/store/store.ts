/**
 * The store: entries with their bytes, expiry, tags and versions, in a fixed budget of memory outside the
 * garbage-collected heap. This is its face; how the parts stand to each other is told in `entries.ts`.
 *
 *     apply(record) -> limits, last writer wins, epochs, guards -> room (evict, clean) -> bytes in a segment -> links
 *     lookup(key)   -> hash, chain, key bytes -> id;  isFresh(id) -> flags, expiry, epochs
 *     maintain()    -> wheel (expired), sweep (invalidated), cleaner (dead bytes), forgetting; in slices
 *
 * The store has no clock: whoever uses it sets `nowMs` once a turn. Ids are valid until the next write or maintenance.
 */
import { decodeText } from "../core/bytes.ts";
import { DEFAULT_MAX_KEY_BYTES, DEFAULT_MAX_VALUE_BYTES } from "../core/limits.ts";
import type { Clock, Random } from "../core/ports.ts";
import { type MutableRecord, RecordKind } from "../core/record.ts";
import { VERSIONS_PER_MS } from "../core/version.ts";
import { Applier } from "./applier.ts";
import { Budget } from "./budget.ts";
import { Cleaner } from "./cleaner.ts";
import { Entries } from "./entries.ts";
import { ENTRY_BYTES, type EntryTable, Flag } from "./entry-table.ts";
import { Fate } from "./epochs.ts";
import { contentTypeStart, extrasLength, tagCount, tagIdAt } from "./extras.ts";
import { FetchAhead } from "./fetch-ahead.ts";
import { heatOf } from "./heat.ts";
import { Invalidator } from "./invalidator.ts";
import { Loader } from "./loader.ts";
import { limitMemories } from "./memory-limits.ts";
import { Outcome, type RemovalReason } from "./outcome.ts";
import type { Policy, PolicyName } from "./policy.ts";
import { randomEntry, scanEntries } from "./scan.ts";
import { segmentBytesFor } from "./segments.ts";
import { confirmEntry } from "./slot-drop.ts";
import { memoryOf, type StoreMemory } from "./store-memory.ts";
import { Sweeper } from "./sweeper.ts";

/** Smallest budget that the store works with. */
export const MIN_STORE_BYTES = 1024 * 1024;
/** Entries that one step of maintenance looks at before the clock is asked again. */
const STEP_ENTRIES = 256;
const STEP_BYTES = 64 * 1024;
/** Dead share of all segments above which the cleaner works without need, to give memory back. */
const IDLE_DEAD_SHARE = 0.25;

export type { StoreMemory };

export interface StoreOptions {
  /** Memory budget in bytes, at least 1 MiB. */
  readonly maxBytes: number;
  readonly policy?: PolicyName;
  /** Limit by number of entries beside the budget; 0 (default) for none. */
  readonly maxEntries?: number;
  readonly maxKeyBytes?: number;
  readonly maxValueBytes?: number;
  /** Origin of this node's own records. */
  readonly origin: number;
  readonly random: Random;
  readonly clock: Clock;
  /** How far clocks of other nodes may be off, ms (default 500). */
  readonly maxClockSkewMs?: number;
}

export class Store {
  readonly entries: Entries;
  readonly table: EntryTable;
  /** Applies many records at a time. */
  readonly loader: Loader;
  readonly #clock: Clock;
  readonly #fetchAhead: FetchAhead;
  readonly #cleaner: Cleaner;
  readonly #budget: Budget;
  readonly #applier: Applier;
  readonly #sweeper: Sweeper;
  readonly #invalidator: Invalidator;
  readonly limits: { maxKeyBytes: number; maxValueBytes: number };
  /** `stable` was raised: tombstones and guards may be over. */
  #forgetting = false;

  /** Where `locate` points: the entry's key and value, until the next write or maintenance. */
  bytes: Uint8Array = new Uint8Array(0);
  keyStart = 0;
  keyEnd = 0;
  valueStart = 0;
  valueEnd = 0;

  constructor(options: StoreOptions) {
    this.#clock = options.clock;
    this.limits = {
      maxKeyBytes: options.maxKeyBytes ?? DEFAULT_MAX_KEY_BYTES,
      maxValueBytes: options.maxValueBytes ?? DEFAULT_MAX_VALUE_BYTES,
    };
    this.entries = new Entries({
      segmentBytes: segmentBytesFor(options.maxBytes),
      policy: options.policy ?? "tinylfu",
      maxEntries: options.maxEntries ?? 0,
      origin: options.origin,
      maxClockSkew: (options.maxClockSkewMs ?? 500) * VERSIONS_PER_MS,
      random: options.random,
      nowMs: options.clock.now(),
    });
    this.table = this.entries.table;
    this.#fetchAhead = new FetchAhead(this.entries);
    this.#cleaner = new Cleaner(this.entries);
    this.#budget = new Budget(this.entries, this.#cleaner, options.maxBytes);
    this.#applier = new Applier(this.entries, this.#budget, this.limits);
    this.loader = new Loader(this.entries, this.#budget, this.#applier, this.limits);
    this.#sweeper = new Sweeper(this.entries);
    this.#invalidator = new Invalidator(this.entries, this.#budget, this.#sweeper);
    limitMemories(this.entries, this.#sweeper, options.maxBytes);
  }

  /** Entries, without tombstones; those that expired and were not taken back yet count. */
  get size(): number {
    return this.entries.size;
  }
  get maxBytes(): number {
    return this.#budget.maxBytes;
  }
  get allocatedBytes(): number {
    return this.entries.allocatedBytes;
  }
  get policy(): Policy {
    return this.entries.policy;
  }
  /** Removals by reason since the start. */
  get removed(): Readonly<Record<RemovalReason, number>> {
    return this.entries.removed;
  }
  set onRemove(callback: ((id: number, reason: RemovalReason) => void) | undefined) {
    this.entries.onRemove = callback;
  }
  set nowMs(ms: number) {
    this.entries.nowMs = ms;
  }
  /** No record at or below this version can arrive any more: what was kept against them may be forgotten. */
  set stable(version: number) {
    const entries = this.entries;
    if (version === entries.stable) return;
    entries.stable = version;
    this.#forgetting = true;
    this.#sweeper.look();
  }

  /** Entries at or below this version are hidden, 0 (at the start) for none: every read misses them. */
  get hiddenTo(): number {
    return this.entries.hiddenTo;
  }
  set hiddenTo(version: number) {
    this.entries.hiddenTo = version;
  }

  /** True while a journal and a snapshot are being loaded; see `Entries.restoring`. */
  set restoring(restoring: boolean) {
    this.entries.restoring = restoring;
  }

  /** Applies a record. `applied`, for invalidations and flushes, is this node's stamp of their receipt. */
  apply(record: MutableRecord, applied: number): Outcome {
    switch (record.kind) {
      case RecordKind.SET:
      case RecordKind.FILL:
        return this.#applier.entry(record);
      case RecordKind.TOUCH:
        return this.#applier.touch(record);
      default:
        return this.#applyOther(record, applied);
    }
  }

  /** Applies an entry that the source of a sync sends: see `Guards.refusesSynced`, and slot-drop.ts. */
  applySynced(record: MutableRecord, exemptTo: number): Outcome {
    this.#applier.exemptTo = exemptTo;
    const outcome = this.apply(record, record.applied);
    this.#applier.exemptTo = -1;
    if (outcome >= 0) confirmEntry(this, record);
    return outcome;
  }

  /** Records that make what is kept beside the entries grow: guards, epochs, floors. */
  #applyOther(record: MutableRecord, applied: number): Outcome {
    let outcome: Outcome = Outcome.IGNORED;
    switch (record.kind) {
      case RecordKind.DELETE:
        outcome = this.#applier.delete(record);
        break;
      case RecordKind.INVALIDATE:
      case RecordKind.FLUSH:
        outcome = this.#invalidator.apply(record, record.applied === 0 ? applied : record.applied);
        break;
      case RecordKind.FLOOR:
        this.entries.guards.raiseFloor(record.slot, record.floor);
        outcome = Outcome.APPLIED;
        break;
    }
    this.#budget.enforce();
    return outcome;
  }

  /** Entries that the last invalidation by key reached. */
  get lastInvalidated(): number {
    return this.#invalidator.touched;
  }

  /** The entry with the stored key `key[start, end)`, whatever it is worth; 0 if there is none. */
  lookup(key: Uint8Array, start: number, end: number): number {
    return this.entries.find(this.entries.hashOf(key, start, end), key, start, end);
  }

  /** The seeded hash of a stored key. */
  hashOf(key: Uint8Array, start: number, end: number): number {
    return this.entries.hashOf(key, start, end);
  }

  /** Reads, for many keys at a time, what their lookups will read; see fetch-ahead.ts. */
  fetchAhead(hashes: Int32Array, count: number): void {
    this.#fetchAhead.fetch(hashes, count);
  }

  /** True if a plain read may be answered with the entry. */
  isFresh(id: number): boolean {
    return this.entries.isFresh(id);
  }

  /** True if the entry may be served only where stale is allowed. */
  isStale(id: number): boolean {
    return this.entries.worth(id) === Fate.STALE;
  }

  /** True if the entry may be served, at least where stale is allowed. */
  isServable(id: number): boolean {
    return this.entries.worth(id) !== Fate.DEAD;
  }

  /** True if the entry may be served at least while it is being revalidated; see `Entries.isRevalidatable`. */
  isRevalidatable(id: number): boolean {
    return this.entries.isRevalidatable(id);
  }

  /** Tells the policy of a hit. */
  touchPolicy(id: number): void {
    this.entries.policy.access(id);
    this.table.setAccessSecond(id, this.entries.nowMs / 1_000);
  }

  /** Points `bytes`, `keyStart`, `keyEnd`, `valueStart`, `valueEnd` at the entry. */
  locate(id: number): void {
    const { segments } = this.entries;
    const address = this.table.address(id) >>> 0;
    const start = segments.offsetOf(address) + 4;
    const keyEnd = start + segments.keyLength(address);
    const bytes = segments.bytes[segments.segmentOf(address)];
    this.bytes = bytes;
    this.keyStart = start;
    this.keyEnd = keyEnd;
    this.valueStart = this.table.hasFlag(id, Flag.EXTRAS) ? keyEnd + extrasLength(bytes, keyEnd) : keyEnd;
    this.valueEnd = keyEnd + segments.restLength(address);
  }

  valueLength(id: number): number {
    const { segments } = this.entries;
    return segments.restLength(this.table.address(id) >>> 0) - this.entries.extrasLength(id);
  }

  /** Tags of an entry, as bytes. */
  tagBytesOf(id: number): Uint8Array[] {
    if (!this.table.hasFlag(id, Flag.EXTRAS)) return [];
    this.locate(id);
    const count = tagCount(this.bytes, this.keyEnd);
    return Array.from({ length: count }, (_, i) => this.entries.tags.nameOf(tagIdAt(this.bytes, this.keyEnd, i)));
  }

  tagsOf(id: number): string[] {
    return this.tagBytesOf(id).map((name) => decodeText(name));
  }

  /** The end of all stale serving, ms since the Unix epoch, 0 if there is none. */
  staleUntil(id: number): number {
    return this.entries.staleUntil(id);
  }

  /** The end of stale serving while the entry is being revalidated, at most `staleUntil`; 0 if there is none. */
  revalidateUntil(id: number): number {
    return this.entries.revalidateUntil(id);
  }

  contentTypeBytesOf(id: number): Uint8Array | undefined {
    if (!this.table.hasFlag(id, Flag.EXTRAS)) return undefined;
    this.locate(id);
    const start = contentTypeStart(this.bytes, this.keyEnd);
    return start === this.valueStart ? undefined : this.bytes.slice(start, this.valueStart);
  }

  contentType(id: number): string | undefined {
    const bytes = this.contentTypeBytesOf(id);
    return bytes === undefined ? undefined : decodeText(bytes);
  }

  /** How much the entry is used, 0 to 255; see heat.ts. */
  heatOf(id: number): number {
    return heatOf(this.entries, id);
  }

  /** Estimated recent uses of an entry, where the policy counts them. */
  frequency(id: number): number | undefined {
    return this.entries.policy.frequency(id);
  }

  /** The 32-bit origin of the entry's version. */
  originOf(id: number): number {
    return this.entries.origins.originOf(this.table.origin(id));
  }

  /** Bytes that the entry takes: table, index share, item. */
  itemBytes(id: number): number {
    return ENTRY_BYTES + 6 + this.entries.segments.itemBytes(this.table.address(id) >>> 0);
  }

  databaseOf(id: number): number {
    return this.entries.databaseOf(id);
  }

  count(database: number): number {
    return this.entries.counts[database];
  }

  expiring(database: number): number {
    return this.entries.expiring[database];
  }

  /** Visits fresh entries from `cursor` on; see scan.ts. */
  scan(cursor: number, count: number, visit: (id: number) => void): number {
    return scanEntries(this.entries, cursor, count, visit);
  }

  /** A fresh entry of a database, picked by `random` (any unsigned integer), 0 if there is none. */
  randomId(random: number, database = 0): number {
    return randomEntry(this.entries, random, database);
  }

  /** Changes the budget, evicting what no longer fits. */
  resize(maxBytes: number): void {
    limitMemories(this.entries, this.#sweeper, maxBytes);
    this.#budget.resize(maxBytes);
  }

  usePolicy(name: PolicyName): void {
    this.entries.usePolicy(name);
    this.#budget.policyChanged();
  }

  /** True while maintenance has something to do that does not wait for time to pass. */
  get busy(): boolean {
    return this.#forgetting || this.#sweeper.busy || this.#wantsCleaning();
  }

  /** Epochs of tags and patterns not forgotten yet. */
  get pendingEpochs(): number {
    return this.#sweeper.pending + this.entries.patterns.size;
  }

  /** Expires, sweeps and cleans for about `sliceMs` (monotonic). True if it stopped for the time, not for want of work. */
  maintain(sliceMs: number): boolean {
    const until = this.#clock.monotonic() + sliceMs;
    let more = true;
    while (more) {
      more = !this.entries.restoring && this.#turnWheel();
      this.#sweeper.step(STEP_ENTRIES);
      if (this.#forgetting) this.#forgetting = this.entries.forgetOver(STEP_ENTRIES);
      more = more || this.#forgetting || this.#sweeper.busy;
      if (this.#wantsCleaning()) {
        more = this.#cleaner.step(STEP_BYTES, 0) || more;
        this.#budget.giveBackSpares();
      }
      this.#budget.enforce();
      if (more && this.#clock.monotonic() >= until) return true;
    }
    return false;
  }

  /** Expires a step's entries. True if there are more. */
  #turnWheel(): boolean {
    return this.entries.wheel.advance(this.entries.nowMs, STEP_ENTRIES, this.#expire) >= STEP_ENTRIES;
  }

  memory(): StoreMemory {
    return memoryOf(this.entries);
  }

  #wantsCleaning(): boolean {
    const { segments } = this.entries;
    const most = Math.max(4 * segments.segmentBytes, segments.allocatedBytes * IDLE_DEAD_SHARE);
    return segments.deadBytes > most && segments.emptiest() >= 0;
  }

  readonly #expire = (id: number): void => {
    const reclaimAt = this.entries.reclaimAt(id);
    if (reclaimAt > this.entries.nowMs) this.entries.wheel.add(id, reclaimAt);
    else this.entries.remove(id, "expired");
  };
}
