/**
 * The invalidator: what INVALIDATE, FLUSH and FLOOR records do to the store. Tags, patterns and databases get an epoch,
 * in constant time, and the sweep does the rest; a key is dealt with at once, and remembered (as a tag that stands for
 * it) only while something older may still arrive.
 *
 * The namespace of a record is `FF n` for database n (0 too: then it means the keys that are stored without a prefix),
 * or empty for all databases; what it may hold beyond that is a prefix of keys.
 */
import { keySlot } from "../core/crc16.ts";
import { DATABASE_COUNT, DATABASE_MARK, databaseOf, PREFIX_BYTES } from "../core/keyspace.ts";
import { EpochMode, InvalidateScope, type MutableRecord } from "../core/record.ts";
import type { Budget } from "./budget.ts";
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";
import { Outcome } from "./outcome.ts";
import type { Sweeper } from "./sweeper.ts";
import { keyTag, TagSet } from "./tag-set.ts";

const STAR = 0x2a;
const GLOB_SPECIALS = [0x2a, 0x3f, 0x5b, 0x5c];

export class Invalidator {
  readonly #entries: Entries;
  readonly #budget: Budget;
  readonly #sweeper: Sweeper;
  readonly #tags: TagSet;
  /** Entries that the last record with scope KEY took away or marked. */
  touched = 0;

  constructor(entries: Entries, budget: Budget, sweeper: Sweeper) {
    this.#entries = entries;
    this.#budget = budget;
    this.#sweeper = sweeper;
    this.#tags = new TagSet(entries, budget);
  }

  /** `applied` is the stamp of this node's first receipt: the record's own where it is a replay. */
  apply(record: MutableRecord, applied: number): Outcome {
    const entries = this.#entries;
    this.touched = 0;
    let outcome: Outcome;
    switch (record.scope) {
      case InvalidateScope.KEY:
        outcome = this.#key(record, applied);
        break;
      case InvalidateScope.TAG:
        outcome = this.#tag(record.key.subarray(record.keyStart, record.keyEnd), record, applied);
        if (outcome === Outcome.OUT_OF_MEMORY) {
          // Nothing here has the tag, and there is no room to remember it: what may still arrive is refused altogether.
          entries.guards.raiseArrivalFloor(Math.max(record.version, applied));
          outcome = Outcome.APPLIED;
        }
        break;
      case InvalidateScope.ALL:
        outcome = this.#all(record, applied);
        break;
      default:
        outcome = this.#pattern(record, applied);
    }
    entries.refreshNewestEpoch();
    return outcome;
  }

  #key(record: MutableRecord, applied: number): Outcome {
    const entries = this.#entries;
    const { key, keyStart, keyEnd } = record;
    if (!this.#isSettled(record, applied)) {
      const outcome = this.#tag(keyTag(key, keyStart, keyEnd), record, applied);
      if (outcome === Outcome.IGNORED) return outcome;
      if (outcome === Outcome.OUT_OF_MEMORY) this.#guard(record, applied);
    }
    const id = entries.find(entries.hashOf(key, keyStart, keyEnd), key, keyStart, keyEnd);
    if (id === 0 || entries.table.hasFlag(id, Flag.TOMBSTONE)) return Outcome.APPLIED;
    const fill = entries.table.hasFlag(id, Flag.FILL);
    const skew = fill && entries.table.origin(id) !== 0 ? entries.maxClockSkew : 0;
    const reach = fill ? Math.max(record.version, applied) + skew : record.version;
    if (entries.table.version(id) > reach) return Outcome.APPLIED;
    this.touched = 1;
    if (record.mode === EpochMode.PURGE) entries.remove(id, "invalidated");
    else entries.table.raiseFlag(id, Flag.STALE);
    return Outcome.APPLIED;
  }

  /** True if nothing that the epoch could concern may still arrive. */
  #isSettled(record: MutableRecord, applied: number): boolean {
    const { stable, maxClockSkew } = this.#entries;
    return Math.max(record.version, applied) + maxClockSkew <= stable;
  }

  #tag(name: Uint8Array, record: MutableRecord, applied: number): Outcome {
    const { tags } = this.#entries;
    let tag = tags.find(name);
    if (tag === 0) {
      if (this.#isSettled(record, applied)) return Outcome.APPLIED;
      tag = this.#tags.idOf(name);
      if (tag === 0) return Outcome.OUT_OF_MEMORY;
    }
    const known = tags.hasEpoch(tag);
    // Held, because making room may evict the last entry that has the tag.
    tags.retain(tag);
    if (!known && !this.#budget.reserveOverhead(tags.epochs.growthBytes)) this.#sweeper.forgetAll();
    const raised = tags.raise(tag, record.mode, record.version, applied);
    tags.release(tag);
    if (!raised) return Outcome.IGNORED;
    this.#sweeper.requestTag(tag, known);
    return Outcome.APPLIED;
  }

  /** Where there is no room for a key's epoch: nothing older is stored. */
  #guard(record: MutableRecord, applied: number): void {
    const { key, keyStart, keyEnd } = record;
    const slot = keySlot(key, keyStart, keyEnd);
    const hash = this.#entries.hashOf(key, keyStart, keyEnd);
    this.#entries.guards.add(hash, slot, Math.max(record.version, applied));
  }

  #pattern(record: MutableRecord, applied: number): Outcome {
    const { patterns } = this.#entries;
    const subject = record.key.slice(record.keyStart, record.keyEnd);
    const glob = record.scope === InvalidateScope.PREFIX ? prefixGlob(subject) : subject;
    const databases = databasesOf(record.namespace);
    if (!patterns.knows(glob, databases)) this.#makeRoom(glob, databases.length);
    let raised = false;
    const sweptAt = this.#sweeper.request();
    for (const database of databases) {
      raised = patterns.raise(database, glob, record.mode, record.version, applied, sweptAt) || raised;
    }
    return raised ? Outcome.APPLIED : Outcome.IGNORED;
  }

  /** Room for a pattern: at a limit the walk is finished and patterns forgotten, if need be before their time. */
  #makeRoom(glob: Uint8Array, databases: number): void {
    const { patterns } = this.#entries;
    if (!patterns.hasRoom(glob, databases)) this.#sweeper.finish();
    const room = patterns.hasRoom(glob, databases);
    if (!room || !this.#budget.reserveOverhead(patterns.growthBytes(glob, databases))) this.#sweeper.forgetAll();
  }

  #all(record: MutableRecord, applied: number): Outcome {
    const { namespace } = record;
    if (namespace.length > 0 && (namespace[0] !== DATABASE_MARK || namespace.length > PREFIX_BYTES)) {
      return this.#prefixOf(record, applied);
    }
    const entries = this.#entries;
    const databases = databasesOf(namespace);
    const inside = databases.reduce((sum, database) => sum + entries.counts[database], 0);
    const outdates = record.mode === EpochMode.PURGE && this.#outdates(record);
    if (outdates && (databases.length === DATABASE_COUNT || inside === entries.size)) {
      entries.removed.invalidated += entries.size;
      entries.clear();
      this.#sweeper.clear();
      return Outcome.APPLIED;
    }
    let raised = false;
    for (const database of databases) {
      if (entries.flushRows[database] === 0) entries.flushRows[database] = entries.flushes.acquire();
      raised = entries.flushes.raise(entries.flushRows[database], record.mode, record.version, applied) || raised;
      if (outdates) this.#uncount(database, record.version);
    }
    if (raised) this.#sweeper.requestFlush();
    return raised ? Outcome.APPLIED : Outcome.IGNORED;
  }

  /** True if nothing that is here or may arrive is newer, or older and still to be kept out. */
  #outdates(record: MutableRecord): boolean {
    return (
      record.applied === 0 &&
      record.origin === this.#entries.origins.originOf(0) &&
      this.#entries.stable >= record.version
    );
  }

  /** Nothing in the database is newer than the flush: its counts need not wait for the sweep. */
  #uncount(database: number, version: number): void {
    this.#entries.uncountedTo[database] = version;
    this.#entries.counts[database] = 0;
    this.#entries.expiring[database] = 0;
  }

  #prefixOf(record: MutableRecord, applied: number): Outcome {
    const { namespace, key, keyStart, keyEnd, scope } = record;
    const marked = namespace[0] === DATABASE_MARK;
    record.setKey(namespace, marked ? PREFIX_BYTES : 0, namespace.length);
    record.setEpoch(record.mode, InvalidateScope.PREFIX, marked ? namespace.subarray(0, PREFIX_BYTES) : undefined);
    const outcome = this.#pattern(record, applied);
    record.setKey(key, keyStart, keyEnd);
    record.setEpoch(record.mode, scope, namespace);
    return outcome;
  }
}

/** The physical databases that a namespace covers. */
function databasesOf(namespace: Uint8Array): number[] {
  if (namespace.length >= PREFIX_BYTES && namespace[0] === DATABASE_MARK)
    return [databaseOf(namespace, 0, PREFIX_BYTES)];
  return Array.from({ length: DATABASE_COUNT }, (_, database) => database);
}

/** A glob that matches every key beginning with `prefix`, whatever bytes that has. */
function prefixGlob(prefix: Uint8Array): Uint8Array {
  const glob: number[] = [];
  for (const byte of prefix) {
    if (GLOB_SPECIALS.includes(byte)) glob.push(0x5c);
    glob.push(byte);
  }
  glob.push(STAR);
  return Uint8Array.from(glob);
}
