/**
 * The node: a synchronous state machine that is pulled, not called back. Requests (`find`, `set`, `delete`,
 * `invalidate`, `lease`, ...), peers' frames (`receive`) and time (`tick`) go in; replies are return values, and what is
 * to be persisted and sent waits in the `outbox`, which the host empties once a turn. Nothing here does I/O or reads a
 * clock but the one it was given, once a turn.
 *
 * There is one way for every change: stamp -> apply to the store -> encode once into the outbox -> tell the observer.
 * Replay and peers' records take the same `apply`. Keys are *stored* keys throughout (keyspace.ts).
 */
import { copyBytes, EMPTY_BYTES } from "../core/bytes.ts";
import { namespaceOf } from "../core/keyspace.ts";
import { MAX_STORED_KEY_BYTES } from "../core/limits.ts";
import type { Ports } from "../core/ports.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../core/record.ts";
import { readRecords } from "../core/record-stream.ts";
import { drawOrigin, HybridClock } from "../core/version.ts";
import { Flag } from "../store/entry-table.ts";
import { Outcome } from "../store/outcome.ts";
import { Store } from "../store/store.ts";
import type { NodeConfig } from "./config.ts";
import { copyEntry, RENAME_EVENTS, renameEntry } from "./copy.ts";
import { Counters } from "./counters.ts";
import { Databases } from "./databases.ts";
import { type FillOutcome, fillLeased } from "./fill.ts";
import { type InvalidateRequest, invalidateSubjects, type Receipt } from "./invalidate.ts";
import { type KeyObserver, tellRemoved } from "./key-observer.ts";
import { type Lease, Leases } from "./leases.ts";
import { Outbox } from "./outbox.ts";
import { Progress } from "./progress.ts";
import { applyReceived, applyReplayed, MAX_CLOCK_SKEW_MS } from "./receive.ts";
import { describeTouch } from "./touch.ts";

export type { FillOutcome, InvalidateRequest, KeyObserver, Lease, Receipt };

/**
 * One node: see the head of this file.
 *
 * @example
 * ```ts
 * import { defaultConfig, EpochMode, Node, RecordKind, systemPorts } from "shoal";
 * const node = new Node({ ...defaultConfig(), maxMemory: 64 * 2 ** 20 }, systemPorts());
 * const bytes = (text: string) => new TextEncoder().encode(text);
 * const key = bytes("page:/");
 *
 * // A fenced fill: the tag is invalidated while the load runs, so the value is not stored.
 * const lease = node.lease(key, 0, key.length, 10_000);
 * node.invalidate({ mode: EpochMode.PURGE, tags: [bytes("user:42")], database: 0 });
 * node.draft.stamp(RecordKind.FILL, 1, 1);
 * node.draft.setValue(bytes("old"), 0, 3);
 * node.draft.tags = [bytes("user:42")];
 * console.assert(node.fill(lease?.token ?? "", node.draft) === "invalidated");
 * console.assert(node.find(key, 0, key.length) === 0);
 * ```
 */
export class Node {
  readonly ports: Ports;
  readonly store: Store;
  readonly counters: Counters;
  readonly databases = new Databases();
  readonly progress = new Progress();
  readonly outbox = new Outbox();
  readonly leases: Leases;
  readonly clock: HybridClock;
  /** Scratch for a caller's own record: fill it in and hand it to `write` or `fill`. */
  readonly draft = new MutableRecord();
  config: NodeConfig;
  readonly startedAtMs: number;
  /** Wall clock of this turn, ms since the Unix epoch. */
  nowMs: number;
  /** Not all that is stored has been loaded: what is absent may be there. */
  recovering = false;
  readonly #record = new MutableRecord();
  readonly #received = new MutableRecord();
  readonly #keyScratch = new Uint8Array(MAX_STORED_KEY_BYTES);
  #scratch = new Uint8Array(1_024);
  #observer: KeyObserver | undefined;
  #peersStable = Number.POSITIVE_INFINITY;

  constructor(config: NodeConfig, ports: Ports) {
    this.config = config;
    this.ports = ports;
    this.nowMs = Math.floor(ports.clock.now());
    this.startedAtMs = this.nowMs;
    this.clock = new HybridClock(ports.clock, drawOrigin(ports.random));
    this.leases = new Leases(ports.random);
    this.store = new Store({
      maxBytes: config.maxMemory,
      policy: config.policy,
      maxEntries: config.maxEntries,
      maxKeyBytes: config.maxKeyBytes,
      maxValueBytes: config.maxValueBytes,
      origin: this.clock.origin,
      random: ports.random,
      clock: ports.clock,
      maxClockSkewMs: MAX_CLOCK_SKEW_MS,
    });
    this.counters = new Counters(ports, config.maxNamespaces);
  }

  /** Reads the clock, once for everything that the turn does. */
  beginTurn(): void {
    this.nowMs = Math.floor(this.ports.clock.now());
    this.store.nowMs = this.nowMs;
  }

  get observer(): KeyObserver | undefined {
    return this.#observer;
  }

  set observer(observer: KeyObserver | undefined) {
    this.#observer = observer;
    this.store.onRemove = observer && ((id, reason) => tellRemoved(this.store, observer, id, reason));
  }

  // ---- reads: an entry id, valid until the next write or tick, or 0

  /** The fresh entry of a key. Counted as hit or miss, and told to the policy. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const id = this.store.lookup(bytes, start, end);
    if (id === 0 || !this.store.isFresh(id)) {
      this.counters.miss(bytes, start, end);
      if (this.#observer !== undefined) this.#observer.missed?.(bytes, start, end);
      return 0;
    }
    this.counters.hit(bytes, start, end);
    this.store.touchPolicy(id);
    return id;
  }

  /** The same, neither counted nor told to the policy. */
  peek(bytes: Uint8Array, start: number, end: number): number {
    const id = this.store.lookup(bytes, start, end);
    return id !== 0 && this.store.isFresh(id) ? id : 0;
  }

  /** The entry of a key, fresh or stale. Counted. */
  findStale(bytes: Uint8Array, start: number, end: number): number {
    const id = this.store.lookup(bytes, start, end);
    if (id === 0 || !this.store.isServable(id)) {
      this.counters.miss(bytes, start, end);
      return 0;
    }
    if (this.store.isFresh(id)) this.counters.hit(bytes, start, end);
    else this.counters.staleHit(bytes, start, end);
    this.store.touchPolicy(id);
    return id;
  }

  // ---- writes. Values must not lie in the store's own segments: copy them to `scratch` first.

  /** Sets a key without tags; `expiresAt` in ms since the Unix epoch, 0 for never. */
  set(kb: Uint8Array, ks: number, ke: number, vb: Uint8Array, vs: number, ve: number, expiresAt: number): Outcome {
    const record = this.#record;
    record.stamp(RecordKind.SET, this.clock.next(this.nowMs), this.clock.origin);
    record.setEntry(kb, ks, ke, vb, vs, ve, expiresAt);
    record.global = true;
    this.counters.sets++;
    return this.commit(record, "set");
  }

  /** Stamps and commits a record that the caller filled in; `began` of a FILL stays as it is. */
  write(record: MutableRecord, event = "set"): Outcome {
    record.version = this.clock.next(this.nowMs);
    record.origin = this.clock.origin;
    this.counters.sets++;
    return this.commit(record, event);
  }

  /** A new value for an entry; expiry, stale times, tags and content type stay. */
  replaceValue(id: number, vb: Uint8Array, vs: number, ve: number, event = "set"): Outcome {
    const record = this.describe(id, RecordKind.SET);
    record.setValue(vb, vs, ve);
    this.counters.sets++;
    return this.commit(record, event);
  }

  /** True if a visible entry was there. */
  delete(kb: Uint8Array, ks: number, ke: number, event = "del"): boolean {
    const id = this.store.lookup(kb, ks, ke);
    const visible = id !== 0 && this.store.isFresh(id);
    if (id === 0 && this.store.entries.stable === Number.POSITIVE_INFINITY && !this.outbox.wanted) return false;
    const record = this.#record;
    record.stamp(RecordKind.DELETE, this.clock.next(this.nowMs), this.clock.origin);
    record.setKey(kb, ks, ke);
    record.global = true;
    const outcome = this.store.apply(record, record.version);
    if (this.outbox.wanted && outcome >= 0) this.outbox.append(record);
    if (!visible) return false;
    this.counters.deletes++;
    if (event !== "") this.#observer?.changed(kb, ks, ke, event);
    return true;
  }

  /** A new expiry, ms since the Unix epoch; stale times stay as far behind it. 0 takes it away, one that is over deletes. */
  expireAt(id: number, at: number): Outcome {
    const key = this.#copyKey(id);
    if (at !== 0 && at <= this.nowMs) {
      this.delete(this.#keyScratch, 0, key);
      return Outcome.APPLIED;
    }
    const record = this.#record;
    record.stamp(RecordKind.TOUCH, this.clock.next(this.nowMs), this.clock.origin);
    record.setKey(this.#keyScratch, 0, key);
    describeTouch(this.store, id, at, record);
    record.global = !this.store.table.hasFlag(id, Flag.REGIONAL);
    this.counters.touches++;
    return this.commit(record, at === 0 ? "persist" : "expire");
  }

  /** Gives a second key the entry's value, kind, expiry and tags. */
  copy(fromId: number, kb: Uint8Array, ks: number, ke: number, event = "copy_to"): Outcome {
    return copyEntry(this, fromId, kb, ks, ke, event);
  }

  /** Moves an entry to another key; `events` names what the observer is told of the old and of the new key. */
  rename(fromId: number, kb: Uint8Array, ks: number, ke: number, events = RENAME_EVENTS): Outcome {
    return renameEntry(this, fromId, kb, ks, ke, events);
  }

  /** Empties a physical database; -1: all of them. */
  flush(physicalDatabase: number): void {
    const record = this.#record;
    record.stamp(RecordKind.FLUSH, this.clock.next(this.nowMs), this.clock.origin);
    record.setEpoch(EpochMode.PURGE, InvalidateScope.ALL, namespaceOf(physicalDatabase));
    record.global = true;
    this.counters.flushes++;
    this.#cancelLeases();
    this.store.apply(record, record.version);
    if (this.outbox.wanted) this.outbox.append(record);
    this.#observer?.flushed(physicalDatabase);
  }

  /** Exchanges two logical databases. */
  swapDatabases(a: number, b: number): void {
    const record = this.#record;
    record.stamp(RecordKind.DATABASES, this.clock.next(this.nowMs), this.clock.origin);
    this.databases.swap(a, b, record.version, record.origin);
    record.databases = this.databases.permutation;
    if (this.outbox.wanted) this.outbox.append(record);
    this.#observer?.flushed(this.databases.physical(a));
    this.#observer?.flushed(this.databases.physical(b));
  }

  /** Invalidates (soft) or purges (hard) by keys, tags, patterns or everything. */
  invalidate(request: InvalidateRequest): Receipt {
    return invalidateSubjects(this, this.#record, request);
  }

  /** Applies an invalidation record that `invalidateSubjects` filled in. */
  commitEpoch(record: MutableRecord): Outcome {
    record.version = this.clock.next(this.nowMs);
    record.origin = this.clock.origin;
    record.global = true;
    this.counters.invalidations++;
    if (record.scope === InvalidateScope.ALL) this.#cancelLeases();
    const outcome = this.store.apply(record, record.version);
    if (this.outbox.wanted && outcome >= 0) this.outbox.append(record);
    return outcome;
  }

  // ---- leases

  /** Grants the right to fill a key for at most `ttlMs`; undefined while somebody else has it, or the table is full. */
  lease(kb: Uint8Array, ks: number, ke: number, ttlMs: number): Lease | undefined {
    if (this.leases.holder(kb, ks, ke, this.nowMs) !== undefined) {
      this.counters.leasesBusy++;
      return undefined;
    }
    if (this.leases.full) this.leases.expireAll(this.nowMs);
    const expiresAt = this.nowMs + Math.min(ttlMs, this.config.maxLeaseMs);
    const lease = this.leases.grant(kb, ks, ke, this.clock.next(this.nowMs), expiresAt);
    if (lease === undefined) this.counters.leasesBusy++;
    else this.counters.leasesGranted++;
    this.#refreshStable();
    return lease;
  }

  /** Stores what a loader produced, unless something newer came between. `draft` holds value, expiry, tags. */
  fill(token: string, draft: MutableRecord): FillOutcome {
    const outcome = fillLeased(this, token, draft);
    this.#refreshStable();
    return outcome;
  }

  /** Gives a lease up. False if it was over already. */
  release(token: string): boolean {
    const lease = this.leases.take(token, this.nowMs);
    this.#refreshStable();
    return lease !== undefined;
  }

  // ---- peers, replay, time

  /** Applies a peer's frame. What follows a damaged record is not applied. */
  receive(_peer: string, frame: Uint8Array): boolean {
    const { error } = readRecords(frame, this.#received, (record) => applyReceived(this, record));
    if (error !== undefined) this.counters.badFrames++;
    return error === undefined;
  }

  /** Applies a batch of the journal. False if it is damaged: nothing behind the damage may be applied. */
  replay(batch: Uint8Array): boolean {
    return readRecords(batch, this.#received, (record) => applyReplayed(this, record)).error === undefined;
  }

  /** Maintenance for about `sliceMs`. True if it stopped for the time. */
  tick(sliceMs: number): boolean {
    this.beginTurn();
    if (this.leases.size > 0) {
      this.leases.expire(this.nowMs);
      this.#refreshStable();
    }
    this.counters.leasesExpired += this.leases.takeExpired();
    return this.store.maintain(sliceMs);
  }

  /** Takes changed limits over while running (CONFIG SET). */
  configure(change: Partial<NodeConfig>): void {
    const before = this.config;
    this.config = { ...before, ...change };
    if (this.config.maxMemory !== before.maxMemory) this.store.resize(this.config.maxMemory);
    if (this.config.policy !== before.policy) this.store.usePolicy(this.config.policy);
    this.store.limits.maxKeyBytes = this.config.maxKeyBytes;
    this.store.limits.maxValueBytes = this.config.maxValueBytes;
  }

  /** A buffer of at least `size` bytes, valid until the next call. */
  scratch(size: number): Uint8Array {
    if (this.#scratch.length < size || this.#scratch.length > 4 * (size + 65_536)) {
      this.#scratch = new Uint8Array(Math.max(1_024, size));
    }
    return this.#scratch;
  }

  /** Applies a stamped record, hands it to the outbox and tells the observer (of nothing, where `event` is empty). */
  commit(record: MutableRecord, event: string): Outcome {
    if (this.outbox.full) return Outcome.OUT_OF_MEMORY;
    const told = this.#observer !== undefined && event !== "";
    const fresh = told && this.peek(record.key, record.keyStart, record.keyEnd) === 0;
    const outcome = this.store.apply(record, record.version);
    if (outcome < 0) {
      if (outcome === Outcome.OUT_OF_MEMORY) this.counters.outOfMemory++;
      return outcome;
    }
    // A fill that came too late was never stored: nobody else needs to find that out again.
    const counts = outcome === Outcome.APPLIED || record.kind !== RecordKind.FILL;
    if (this.outbox.wanted && counts) this.outbox.append(record);
    if (!told || outcome !== Outcome.APPLIED) return outcome;
    if (fresh && record.kind !== RecordKind.TOUCH) {
      this.#observer?.changed(record.key, record.keyStart, record.keyEnd, "new");
    }
    this.#observer?.changed(record.key, record.keyStart, record.keyEnd, event);
    return outcome;
  }

  /** A stamped record with an entry's key (copied), reach, expiry, tags; the value is the caller's to set. */
  describe(id: number, kind: RecordKind): MutableRecord {
    const record = this.#record;
    const { store } = this;
    const began = store.table.version(id);
    const length = this.#copyKey(id);
    record.stamp(kind, this.clock.next(this.nowMs), this.clock.origin);
    record.setEntry(this.#keyScratch, 0, length, EMPTY_BYTES, 0, 0, store.table.expiresAt(id));
    record.global = !store.table.hasFlag(id, Flag.REGIONAL);
    if (kind === RecordKind.FILL) record.began = began;
    if (store.table.hasFlag(id, Flag.EXTRAS)) {
      record.staleUntil = store.staleUntil(id);
      record.revalidateUntil = store.revalidateUntil(id);
      record.tags = store.tagBytesOf(id);
      record.contentType = store.contentTypeBytesOf(id);
    }
    return record;
  }

  #copyKey(id: number): number {
    this.store.locate(id);
    copyBytes(this.store.bytes, this.store.keyStart, this.store.keyEnd, this.#keyScratch, 0);
    return this.store.keyEnd - this.store.keyStart;
  }

  #cancelLeases(): void {
    this.leases.cancelAll();
    this.#refreshStable();
  }

  /** No peer sends anything at or below this version any more. Infinity while the node is alone. */
  set peersStable(version: number) {
    this.#peersStable = version;
    this.#refreshStable();
  }

  /** Nothing older can arrive than what peers may send and the fill of an open lease. */
  #refreshStable(): void {
    this.store.stable = Math.min(this.#peersStable, this.leases.oldest - 1);
  }
}
