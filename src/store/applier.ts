/**
 * The applier: what a record does to the store. A client's write, a peer's frame and the replay of a journal all end in
 * `apply`, and a record applied twice, late or out of order leaves the same state: the last writer wins, and epochs,
 * guards, floors and tombstones keep out what is older than an invalidation, an eviction or a delete (DESIGN 3.2 to 3.5).
 *
 * Order of an entry's checks: limits, the entry that is there, epochs, guards, time; then room is made and the bytes are
 * written, in place where the item keeps its extent. A refused record (negative outcome) changed nothing; an ignored one
 * may have taken an even older entry away.
 */
import { copyBytes } from "../core/bytes.ts";
import { keySlot } from "../core/crc16.ts";
import { databaseOf, userLength } from "../core/keyspace.ts";
import { MAX_CONTENT_TYPE_BYTES, MAX_EXPIRES_AT_MS, MAX_TAG_BYTES, MAX_TAGS_PER_ENTRY } from "../core/limits.ts";
import { type MutableRecord, RecordKind } from "../core/record.ts";
import { compareVersions } from "../core/version.ts";
import type { Budget } from "./budget.ts";
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";
import { Fate } from "./epochs.ts";
import { extrasBytes, hasStaleTimes, writeExtras, writeStaleTimes } from "./extras.ts";
import { NO_HEAT } from "./heat.ts";
import { Outcome } from "./outcome.ts";
import { Head, itemBytes } from "./segments.ts";
import { TagSet } from "./tag-set.ts";

export interface ValueLimits {
  maxKeyBytes: number;
  maxValueBytes: number;
}

export class Applier {
  readonly #entries: Entries;
  readonly #budget: Budget;
  readonly #limits: ValueLimits;
  readonly #tags: TagSet;
  /** Of new entries, and how long ago they count as used; see loader.ts. */
  heat: number = NO_HEAT;
  idleSeconds = 0;
  /** True if no older version of an entry can come from anywhere: what is kept out need not be remembered. */
  isAlone = false;
  /** While an entry is applied that the source of a sync sends: see `Guards.refusesSynced`; -1 at all other times. */
  exemptTo = -1;

  constructor(entries: Entries, budget: Budget, limits: ValueLimits) {
    this.#entries = entries;
    this.#budget = budget;
    this.#limits = limits;
    this.#tags = new TagSet(entries, budget);
  }

  /** SET and FILL. */
  entry(record: MutableRecord): Outcome {
    const entries = this.#entries;
    const refused = this.#refusal(record);
    if (refused !== Outcome.APPLIED) return refused;
    const hash = entries.hashOf(record.key, record.keyStart, record.keyEnd);
    let id = entries.find(hash, record.key, record.keyStart, record.keyEnd);
    if (id !== 0 && !this.#isNewer(record, id)) return Outcome.IGNORED;
    if (id !== 0 && !entries.table.hasFlag(id, Flag.TOMBSTONE) && !entries.isCounted(id)) {
      entries.remove(id, "invalidated");
      id = 0;
    }
    let flags: number = Flag.LIVE;
    if (record.kind === RecordKind.FILL) flags |= Flag.FILL;
    if (!record.global) flags |= Flag.REGIONAL;
    const fate = stampOf(record) <= entries.newestEpoch ? this.#fateOf(record) : Fate.ALIVE;
    const reclaimAt = Math.max(record.expiresAt, record.staleUntil);
    // A snapshot's or source's fill was stored before it was invalidated; one that is too late even for stale is refused.
    const isLate = fate === Fate.STALE && record.kind === RecordKind.FILL && this.heat === NO_HEAT && this.exemptTo < 0;
    const isDead = fate === Fate.DEAD || isLate;
    // What lost its claim still keeps out what is older: an epoch of its own tags does not.
    if (isDead) this.#guard(record, hash);
    const margin = record.kind === RecordKind.FILL ? entries.maxClockSkew : 0;
    if (isDead || (stampOf(record) - margin <= entries.guards.highest && this.#isGuarded(record, hash))) {
      if (id !== 0) entries.remove(id, "invalidated");
      return Outcome.IGNORED;
    }
    const isOver = record.expiresAt !== 0 && reclaimAt <= entries.nowMs;
    if (isOver && (this.heat !== NO_HEAT || !entries.restoring)) return this.#applyExpired(record, hash, id);
    if (fate === Fate.STALE) flags |= Flag.STALE;
    const removals = entries.removals;
    if (record.tags.length > 0 && !this.#tags.intern(record.tags)) return Outcome.OUT_OF_MEMORY;
    if (entries.removals !== removals) id = entries.find(hash, record.key, record.keyStart, record.keyEnd);
    const outcome = this.#write(record, hash, id, flags);
    if (outcome !== Outcome.APPLIED && record.tags.length > 0) this.#tags.release();
    return outcome;
  }

  /** DELETE: leaves a tombstone while something older may still arrive. */
  delete(record: MutableRecord): Outcome {
    const entries = this.#entries;
    const { key, keyStart, keyEnd } = record;
    const hash = entries.hashOf(key, keyStart, keyEnd);
    const id = entries.find(hash, key, keyStart, keyEnd);
    if (id !== 0 && !this.#isNewer(record, id)) return Outcome.IGNORED;
    if (record.version <= entries.stable) {
      if (id === 0) return Outcome.IGNORED;
      entries.remove(id, "deleted");
      return Outcome.APPLIED;
    }
    if (id !== 0 && entries.table.hasFlag(id, Flag.TOMBSTONE)) {
      entries.tombstones.remove(id);
      this.#engrave(record, id);
      return Outcome.IGNORED;
    }
    if (id !== 0) entries.remove(id, "deleted");
    this.#bury(record, hash);
    return id === 0 ? Outcome.IGNORED : Outcome.APPLIED;
  }

  /** TOUCH: a new expiry for exactly the version that it names. */
  touch(record: MutableRecord): Outcome {
    const entries = this.#entries;
    const { key, keyStart, keyEnd, expiresAt } = record;
    if (!hasValidTimes(record)) return Outcome.BAD_EXPIRY;
    const id = entries.find(entries.hashOf(key, keyStart, keyEnd), key, keyStart, keyEnd);
    if (id === 0 || entries.table.hasFlag(id, Flag.TOMBSTONE)) return Outcome.IGNORED;
    if (entries.table.version(id) !== record.target) return Outcome.IGNORED;
    if (entries.origins.originOf(entries.table.origin(id)) !== record.targetOrigin) return Outcome.IGNORED;
    if (entries.table.hasFlag(id, Flag.EXTRAS)) {
      const address = entries.table.address(id) >>> 0;
      const at = entries.segments.offsetOf(address) + 4 + entries.segments.keyLength(address);
      const bytes = entries.segments.bytes[entries.segments.segmentOf(address)];
      if (hasStaleTimes(bytes, at)) {
        // Out of the wheel first: its place there may be that of the old stale time.
        entries.schedule(id, 0);
        writeStaleTimes(bytes, at, record.staleUntil, record.revalidateUntil);
      }
    }
    entries.schedule(id, expiresAt);
    const isOver = expiresAt !== 0 && entries.reclaimAt(id) <= entries.nowMs;
    if (isOver && !entries.restoring) entries.remove(id, "expired");
    return Outcome.APPLIED;
  }

  #refusal(record: MutableRecord): Outcome {
    if (userLength(record.key, record.keyStart, record.keyEnd) > this.#limits.maxKeyBytes) return Outcome.KEY_TOO_LONG;
    if (record.valueEnd - record.valueStart > this.#limits.maxValueBytes) return Outcome.VALUE_TOO_LONG;
    if (!hasValidTimes(record)) return Outcome.BAD_EXPIRY;
    if (record.tags.length > MAX_TAGS_PER_ENTRY) return Outcome.BAD_TAG;
    for (const tag of record.tags) if (!isTag(tag)) return Outcome.BAD_TAG;
    if ((record.contentType?.length ?? 0) > MAX_CONTENT_TYPE_BYTES) return Outcome.VALUE_TOO_LONG;
    return Outcome.APPLIED;
  }

  #isNewer(record: MutableRecord, id: number): boolean {
    const { table, origins } = this.#entries;
    const stamp = stampOf(record);
    const version = table.version(id);
    if (stamp !== version) return stamp > version;
    return compareVersions(stamp, record.origin, version, origins.originOf(table.origin(id))) > 0;
  }

  /** What epochs say of an arriving record. */
  #fateOf(record: MutableRecord): Fate {
    const entries = this.#entries;
    const fill = record.kind === RecordKind.FILL;
    const skew = this.#isForeignFill(record) ? entries.maxClockSkew : 0;
    const version = stampOf(record);
    const { key, keyStart, keyEnd } = record;
    let fate = entries.keyFate(key, keyStart, keyEnd, version, fill, skew);
    if (entries.tags.epochs.count === 0) return fate;
    for (const name of record.tags) {
      const tag = entries.tags.find(name);
      const one = tag === 0 ? Fate.ALIVE : entries.tags.fate(tag, version, fill, skew);
      if (one > fate) fate = one;
    }
    const own = this.#tags.ofKey(key, keyStart, keyEnd);
    const one = own === 0 ? Fate.ALIVE : entries.tags.fate(own, version, fill, skew);
    return one > fate ? one : fate;
  }

  #isGuarded(record: MutableRecord, hash: number): boolean {
    const { guards, maxClockSkew } = this.#entries;
    const slot = keySlot(record.key, record.keyStart, record.keyEnd);
    const stamp = stampOf(record);
    const { exemptTo } = this;
    if (exemptTo >= 0 && guards.arrivalFloor <= exemptTo) return guards.refusesSynced(hash, slot, stamp, exemptTo);
    return (
      guards.refuses(hash, slot, stamp) || (this.#isForeignFill(record) && stamp - maxClockSkew <= guards.arrivalFloor)
    );
  }

  #isForeignFill(record: MutableRecord): boolean {
    return record.kind === RecordKind.FILL && record.origin !== this.#entries.origins.originOf(0);
  }

  /** Remembers that nothing older than the record may be stored under its key, while that may still arrive. */
  #guard(record: MutableRecord, hash: number): void {
    const { guards, stable } = this.#entries;
    const stamp = stampOf(record);
    if (stamp > stable && !this.isAlone) guards.add(hash, keySlot(record.key, record.keyStart, record.keyEnd), stamp);
  }

  /** A newer entry that has expired on its way: what it replaces goes, and nothing older may come back. */
  #applyExpired(record: MutableRecord, hash: number, id: number): Outcome {
    const entries = this.#entries;
    this.#guard(record, hash);
    if (id !== 0) entries.remove(id, "expired");
    return Outcome.APPLIED;
  }

  #write(record: MutableRecord, hash: number, found: number, flags: number): Outcome {
    const entries = this.#entries;
    const { table, segments, policy } = entries;
    const keyBytes = record.keyEnd - record.keyStart;
    const valueBytes = record.valueEnd - record.valueStart;
    const bare = record.tags.length === 0 && record.staleUntil === 0 && record.contentType === undefined;
    const extras = bare ? 0 : extrasBytes(record.tags.length, record.staleUntil, record.contentType?.length ?? 0);
    const size = itemBytes(keyBytes, extras + valueBytes);
    const isNew = found === 0 || table.hasFlag(found, Flag.TOMBSTONE);
    let id = found;
    if (!isNew && segments.itemBytes(table.address(id) >>> 0) === size) {
      if (table.hasFlag(id, Flag.EXTRAS)) this.#dropExtras(id);
      segments.rewrite(table.address(id) >>> 0, keyBytes, extras + valueBytes);
      policy.access(id);
    } else {
      // Used before room is made, so that it is not the entry's own place that is taken: it would come back with another
      // id, and a scan could miss it.
      if (!isNew) policy.access(id);
      const removals = entries.removals;
      if (!this.#budget.reserve(size, isNew)) return Outcome.OUT_OF_MEMORY;
      if (entries.removals !== removals) id = entries.find(hash, record.key, record.keyStart, record.keyEnd);
      if (id !== 0 && table.hasFlag(id, Flag.TOMBSTONE)) {
        entries.remove(id, "replaced");
        id = 0;
      }
      id = id === 0 ? this.#create(record, hash, extras) : this.#replace(record, id, size, extras);
    }
    this.#fill(record, id, flags, extras);
    this.#budget.settle(size);
    return Outcome.APPLIED;
  }

  #create(record: MutableRecord, hash: number, extras: number): number {
    const entries = this.#entries;
    const { table, segments } = entries;
    const keyBytes = record.keyEnd - record.keyStart;
    const address = segments.append(Head.WRITTEN, keyBytes, extras + record.valueEnd - record.valueStart);
    const id = table.acquire();
    table.setAddress(id, address);
    table.setHash(id, hash);
    const start = segments.offsetOf(address) + 4;
    copyBytes(record.key, record.keyStart, record.keyEnd, segments.bytes[segments.segmentOf(address)], start);
    entries.size++;
    entries.counts[databaseOf(record.key, record.keyStart, record.keyEnd)]++;
    entries.buckets.insert(id, hash, entries.size + entries.tombstones.size);
    this.tellPolicy(id);
    return id;
  }

  /** Tells the policy of a new entry. */
  tellPolicy(id: number): void {
    const { policy } = this.#entries;
    if (this.heat === NO_HEAT) policy.add(id);
    else policy.load(id, this.heat);
  }

  /** A new item for an entry that keeps its id. */
  #replace(record: MutableRecord, id: number, size: number, extras: number): number {
    const entries = this.#entries;
    const { table, segments, policy } = entries;
    const keyBytes = record.keyEnd - record.keyStart;
    const old = table.address(id) >>> 0;
    const oldWeight = entries.weightOf(id);
    if (table.hasFlag(id, Flag.EXTRAS)) this.#dropExtras(id);
    const address = segments.append(Head.WRITTEN, keyBytes, extras + record.valueEnd - record.valueStart);
    table.setAddress(id, address);
    const start = segments.offsetOf(address) + 4;
    copyBytes(record.key, record.keyStart, record.keyEnd, segments.bytes[segments.segmentOf(address)], start);
    segments.kill(old);
    if (oldWeight !== size && entries.maxEntries === 0) policy.resize(id, oldWeight, size);
    return id;
  }

  /** Lets go of an entry's tags, and of its place in the wheel, which may be that of its stale time. */
  #dropExtras(id: number): void {
    this.#entries.schedule(id, 0);
    this.#entries.releaseTags(id);
    this.#entries.table.lowerFlag(id, Flag.EXTRAS);
  }

  /** Everything of an entry but its key: value, extras, stamps, flags, expiry. */
  #fill(record: MutableRecord, id: number, flags: number, extras: number): void {
    const entries = this.#entries;
    const { table, segments } = entries;
    const address = table.address(id) >>> 0;
    const bytes = segments.bytes[segments.segmentOf(address)];
    const at = segments.offsetOf(address) + 4 + record.keyEnd - record.keyStart;
    const kept = table.flags(id) & (Flag.QUEUE | Flag.EXPIRES);
    if (extras !== 0) {
      const { staleUntil, revalidateUntil } = record;
      writeExtras(bytes, at, this.#tags.take(record.tags), staleUntil, revalidateUntil, record.contentType);
      table.setFlags(id, flags | kept | Flag.EXTRAS);
    } else {
      table.setFlags(id, flags | kept);
    }
    copyBytes(record.value, record.valueStart, record.valueEnd, bytes, at + extras);
    table.setVersion(id, stampOf(record));
    table.setOrigin(id, entries.origins.numberOf(record.origin));
    table.setAccessSecond(id, entries.nowMs / 1_000 - this.idleSeconds);
    if (kept !== 0 || record.expiresAt !== 0) entries.schedule(id, record.expiresAt);
  }

  /** Leaves a tombstone: the key alone. At the limit the oldest becomes a guard. */
  #bury(record: MutableRecord, hash: number): void {
    const entries = this.#entries;
    const { table, segments, tombstones } = entries;
    const keyBytes = record.keyEnd - record.keyStart;
    const size = itemBytes(keyBytes, 0);
    if (tombstones.full) entries.remove(tombstones.oldest, "deleted");
    if (!this.#budget.reserve(size, true)) {
      entries.guards.add(hash, keySlot(record.key, record.keyStart, record.keyEnd), record.version);
      return;
    }
    const address = segments.append(Head.WRITTEN, keyBytes, 0);
    const id = table.acquire();
    table.setAddress(id, address);
    table.setHash(id, hash);
    const start = segments.offsetOf(address) + 4;
    copyBytes(record.key, record.keyStart, record.keyEnd, segments.bytes[segments.segmentOf(address)], start);
    table.setFlags(id, Flag.LIVE | Flag.TOMBSTONE);
    this.#engrave(record, id);
    entries.buckets.insert(id, hash, entries.size + tombstones.size);
    this.#budget.settle(size);
  }

  /** Dates a tombstone and puts it to the end of their list. */
  #engrave(record: MutableRecord, id: number): void {
    const { table, tombstones, origins } = this.#entries;
    table.setVersion(id, record.version);
    table.setOrigin(id, origins.numberOf(record.origin));
    tombstones.add(id);
  }
}

/** What a record competes with: a fill with the moment its load began, others with their own stamp. */
export function stampOf(record: MutableRecord): number {
  return record.kind === RecordKind.FILL ? record.began : record.version;
}

/** A tag has 1 to 256 bytes, and the first one is not zero. */
export function isTag(tag: Uint8Array): boolean {
  return tag.length > 0 && tag.length <= MAX_TAG_BYTES && tag[0] !== 0;
}

/** Expiry and both bounds of stale serving; see record-check.ts. */
function hasValidTimes(record: MutableRecord): boolean {
  const { expiresAt, staleUntil, revalidateUntil } = record;
  if (!isExpiry(expiresAt)) return false;
  if (staleUntil === 0) return revalidateUntil === 0;
  if (!isExpiry(staleUntil) || staleUntil < expiresAt) return false;
  return (
    revalidateUntil === 0 ||
    (isExpiry(revalidateUntil) && revalidateUntil >= expiresAt && revalidateUntil <= staleUntil)
  );
}

function isExpiry(ms: number): boolean {
  return ms >= 0 && ms <= MAX_EXPIRES_AT_MS && Math.floor(ms) === ms;
}
