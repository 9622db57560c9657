/**
 * The loader: what the applier does, for groups of plain records that are new here, as a journal or a snapshot brings
 * them by the million.
 *
 *     hash all keys -> read ahead what their lookups and the index's growth will read -> apply one by one, in order
 *
 * There is one semantics of `apply` (applier.ts), and nothing of it is decided anew here. A record goes the short way
 * only where the long one would do nothing but append it: no entry or tombstone has its key, no limit, epoch, guard or
 * expiry concerns it, and segment, table and index have room without growing. Every other one is handed back in its
 * turn, and takes the long way. So the state is the same, record by record, evictions included.
 */
import { copyBytes } from "../core/bytes.ts";
import { keySlot } from "../core/crc16.ts";
import { DATABASE_COUNT, DATABASE_MARK, PREFIX_BYTES } from "../core/keyspace.ts";
import { GROUP_RECORDS, type RecordGroup } from "../core/record-group.ts";
import type { Applier, ValueLimits } from "./applier.ts";
import type { Budget } from "./budget.ts";
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";
import { FetchAhead } from "./fetch-ahead.ts";
import { idleSecondsOf, NO_HEAT } from "./heat.ts";
import { Head, itemBytes } from "./segments.ts";

const TWO_32 = 4294967296;
const NONE: ReadonlySet<number> = new Set();

export class Loader {
  readonly #entries: Entries;
  readonly #budget: Budget;
  readonly #applier: Applier;
  readonly #limits: ValueLimits;
  readonly #fetchAhead: FetchAhead;
  readonly #hashes = new Int32Array(GROUP_RECORDS);

  constructor(entries: Entries, budget: Budget, applier: Applier, limits: ValueLimits) {
    this.#entries = entries;
    this.#budget = budget;
    this.#applier = applier;
    this.#limits = limits;
    this.#fetchAhead = new FetchAhead(entries);
  }

  /**
   * How hot the entries are that are applied from now on, on either way, 0 to 255: the policy takes new ones in
   * accordingly, each as used less recently than those before. `NO_HEAT` (at the start): they are used now.
   */
  get heat(): number {
    return this.#applier.heat;
  }
  set heat(heat: number) {
    this.#applier.heat = heat;
    this.#applier.idleSeconds = heat === NO_HEAT ? 0 : idleSecondsOf(heat);
  }

  /**
   * True while a snapshot is loaded on a node without peers: of an entry that is over nothing older can come, so it leaves
   * no guard. (Guards are few; with many such entries they would turn into floors, which keep others out.)
   */
  set isAlone(alone: boolean) {
    this.#applier.isAlone = alone;
  }

  /** True if so many new entries, whose items have so many bytes together, surely find room without an eviction. */
  hasRoom(itemBytes: number, entries: number): boolean {
    return this.#budget.hasRoom(itemBytes, entries);
  }

  /**
   * Applies the group.
   *
   * @param apply applies its record `n` the long way
   * @param held hashes of keys whose records must take that way
   */
  load(group: RecordGroup, apply: (n: number) => void, held: ReadonlySet<number> = NONE): void {
    const entries = this.#entries;
    const hashes = this.#hashes;
    const { bytes, keyStart, keyEnd, count } = group;
    for (let n = 0; n < count; n++) hashes[n] = entries.hashOf(bytes, keyStart[n], keyEnd[n]);
    this.#fetchAhead.fetch(hashes, count);
    this.#fetchAhead.fetchSplits(count);
    const holds = held.size > 0;
    for (let n = 0; n < count; n++) {
      if ((holds && held.has(hashes[n])) || !this.#append(group, n, hashes[n])) apply(n);
    }
  }

  /** The short way; false, with nothing changed, where it does not lead to the same. */
  #append(group: RecordGroup, n: number, hash: number): boolean {
    const entries = this.#entries;
    const { table, segments, buckets } = entries;
    const { bytes } = group;
    const keyStart = group.keyStart[n];
    const keyEnd = group.keyEnd[n];
    const valueStart = group.valueStart[n];
    const valueEnd = group.valueEnd[n];
    const size = itemBytes(keyEnd - keyStart, valueEnd - valueStart);
    if (entries.maxEntries > 0 && entries.size >= entries.maxEntries) return false;
    if (table.full || !segments.fits(Head.WRITTEN, size) || buckets.growthBytes !== 0) return false;
    if (valueEnd - valueStart > this.#limits.maxValueBytes) return false;
    let database = 0;
    let userBytes = keyEnd - keyStart;
    if (userBytes > 0 && bytes[keyStart] === DATABASE_MARK) {
      if (userBytes < PREFIX_BYTES) return false;
      database = bytes[keyStart + 1];
      userBytes -= PREFIX_BYTES;
      if (database >= DATABASE_COUNT) return false;
    }
    if (userBytes > this.#limits.maxKeyBytes) return false;
    const expiresAt = group.expiryHigh[n] * TWO_32 + (group.expiryLow[n] >>> 0);
    if (expiresAt !== 0 && expiresAt <= entries.nowMs) return false;
    if (this.#isConcerned(group, n, hash, database)) return false;
    if (entries.find(hash, bytes, keyStart, keyEnd) !== 0) return false;

    const address = segments.append(Head.WRITTEN, keyEnd - keyStart, valueEnd - valueStart);
    const start = segments.offsetOf(address) + 4;
    const segment = segments.bytes[segments.segmentOf(address)];
    copyBytes(bytes, keyStart, keyEnd, segment, start);
    copyBytes(bytes, valueStart, valueEnd, segment, start + keyEnd - keyStart);
    const id = table.acquire();
    table.setAddress(id, address);
    table.setHash(id, hash);
    if (group.fill[n] === 1) table.raiseFlag(id, Flag.FILL);
    if (group.global[n] === 0) table.raiseFlag(id, Flag.REGIONAL);
    table.setVersionWords(id, group.stampHigh[n], group.stampLow[n]);
    table.setOrigin(id, entries.origins.numberOf(group.origin[n] >>> 0));
    table.setAccessSecond(id, entries.nowMs / 1_000 - this.#applier.idleSeconds);
    entries.size++;
    entries.counts[database]++;
    buckets.insert(id, hash, entries.size + entries.tombstones.size);
    this.#applier.tellPolicy(id);
    if (expiresAt !== 0) {
      table.setExpiryWords(id, group.expiryHigh[n], group.expiryLow[n]);
      entries.wheel.add(id, expiresAt);
      entries.expiring[database]++;
    }
    this.#budget.settle(size);
    return true;
  }

  /** True if an epoch or a guard may have something to say of the record. */
  #isConcerned(group: RecordGroup, n: number, hash: number, database: number): boolean {
    const entries = this.#entries;
    const { guards, tags } = entries;
    const stamp = group.stampHigh[n] * TWO_32 + (group.stampLow[n] >>> 0);
    if (stamp <= entries.newestEpoch) {
      // It has no tags: only its database, its key's name and its key's pattern could be meant.
      if (entries.flushRows[database] !== 0 || entries.patterns.size > 0) return true;
      if (tags.findKey(group.bytes, group.keyStart[n], group.keyEnd[n]) !== 0) return true;
    }
    if (group.fill[n] === 1) return stamp - entries.maxClockSkew <= guards.highest;
    if (stamp > guards.highest) return false;
    return guards.refuses(hash, keySlot(group.bytes, group.keyStart[n], group.keyEnd[n]), stamp);
  }
}
