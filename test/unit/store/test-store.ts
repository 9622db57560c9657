/** A store under test with a clock that the test moves, and records written the short way. */
import { encodeText } from "../../../src/core/bytes.ts";
import type { Clock, Random } from "../../../src/core/ports.ts";
import { EpochMode, InvalidateScope, MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { msToVersion } from "../../../src/core/version.ts";
import type { Outcome } from "../../../src/store/outcome.ts";
import { Store, type StoreOptions } from "../../../src/store/store.ts";

export const START_MS = 1_800_000_000_000;
export const OWN = 7;

/** A small linear congruential generator: the same numbers at each run. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return {
    uint32() {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state ^ (state >>> 15)) >>> 0;
    },
  };
}

export interface SetOptions {
  readonly ttlMs?: number;
  readonly staleMs?: number;
  readonly revalidateMs?: number;
  readonly tags?: readonly string[];
  readonly contentType?: string;
  readonly version?: number;
  readonly origin?: number;
  readonly began?: number;
  /** Default: sets are, fills are not. */
  readonly global?: boolean;
}

export interface EpochOptions {
  readonly mode?: EpochMode;
  readonly version?: number;
  readonly applied?: number;
  readonly namespace?: Uint8Array;
  readonly origin?: number;
}

export class TestStore {
  nowMs = START_MS;
  monotonicMs = 0;
  /** How far the monotonic clock moves on with every look at it: with 1, `maintain(0)` makes a single step. */
  lookMs = 0;
  readonly store: Store;
  readonly record = new MutableRecord();
  #last = 0;

  constructor(options: Partial<StoreOptions> = {}) {
    const clock: Clock = { now: () => this.nowMs, monotonic: () => (this.monotonicMs += this.lookMs) };
    this.store = new Store({ maxBytes: 8 * 2 ** 20, origin: OWN, random: seededRandom(1), clock, ...options });
  }

  stamp(): number {
    this.#last = Math.max(this.#last + 1, msToVersion(this.nowMs));
    return this.#last;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    this.store.nowMs = this.nowMs;
  }

  set(key: string, value: string | Uint8Array, options: SetOptions = {}): Outcome {
    const record = this.record;
    record.stamp(
      options.began === undefined ? RecordKind.SET : RecordKind.FILL,
      options.version ?? this.stamp(),
      options.origin ?? OWN,
    );
    if (options.began !== undefined) record.began = options.began;
    record.global = options.global ?? options.began === undefined;
    const keyBytes = encodeText(key);
    const bytes = typeof value === "string" ? encodeText(value) : value;
    record.setEntry(keyBytes, 0, keyBytes.length, bytes, 0, bytes.length, 0);
    if (options.ttlMs !== undefined) record.expiresAt = this.nowMs + options.ttlMs;
    if (options.staleMs !== undefined) record.staleUntil = record.expiresAt + options.staleMs;
    if (options.revalidateMs !== undefined) record.revalidateUntil = record.expiresAt + options.revalidateMs;
    if (options.tags !== undefined) record.tags = options.tags.map((tag) => encodeText(tag));
    if (options.contentType !== undefined) record.contentType = encodeText(options.contentType);
    return this.store.apply(record, record.version);
  }

  delete(key: string, version = this.stamp(), origin = OWN): Outcome {
    this.record.stamp(RecordKind.DELETE, version, origin);
    this.record.setKey(encodeText(key), 0, encodeText(key).length);
    return this.store.apply(this.record, version);
  }

  touch(key: string, expiresAt: number, staleUntil = 0, revalidateUntil = 0): Outcome {
    const id = this.id(key);
    const keyBytes = encodeText(key);
    this.record.stamp(RecordKind.TOUCH, this.stamp(), OWN);
    this.record.setKey(keyBytes, 0, keyBytes.length);
    this.record.setTarget(id === 0 ? 1 : this.store.table.version(id), OWN, expiresAt, staleUntil, revalidateUntil);
    return this.store.apply(this.record, this.record.version);
  }

  invalidate(scope: InvalidateScope, subject: string, options: EpochOptions = {}): Outcome {
    const record = this.record;
    record.stamp(RecordKind.INVALIDATE, options.version ?? this.stamp(), options.origin ?? OWN);
    record.setEpoch(options.mode ?? EpochMode.PURGE, scope, options.namespace);
    const bytes = encodeText(subject);
    record.setKey(bytes, 0, bytes.length);
    return this.store.apply(record, options.applied ?? record.version);
  }

  purgeTag(tag: string, options: EpochOptions = {}): Outcome {
    return this.invalidate(InvalidateScope.TAG, tag, options);
  }

  flush(options: EpochOptions = {}): Outcome {
    return this.invalidate(InvalidateScope.ALL, "", options);
  }

  /** Id of the entry whatever it is worth. */
  id(key: string): number {
    const bytes = encodeText(key);
    return this.store.lookup(bytes, 0, bytes.length);
  }

  /** What a plain read gets, as text. */
  get(key: string): string | undefined {
    const id = this.id(key);
    return id !== 0 && this.store.isFresh(id) ? this.textOf(id) : undefined;
  }

  /** What a read that allows stale gets. */
  getStale(key: string): string | undefined {
    const id = this.id(key);
    return id !== 0 && this.store.isServable(id) ? this.textOf(id) : undefined;
  }

  /** What a read that allows stale while it revalidates gets. */
  getRevalidating(key: string): string | undefined {
    const id = this.id(key);
    return id !== 0 && this.store.isRevalidatable(id) ? this.textOf(id) : undefined;
  }

  textOf(id: number): string {
    this.store.locate(id);
    return new TextDecoder().decode(this.store.bytes.slice(this.store.valueStart, this.store.valueEnd));
  }

  keyOf(id: number): string {
    this.store.locate(id);
    return new TextDecoder().decode(this.store.bytes.slice(this.store.keyStart, this.store.keyEnd));
  }

  /** Maintenance until there is nothing left to do. */
  settle(): void {
    while (this.store.maintain(1_000) || this.store.busy) {}
  }

  /** All keys that a complete scan visits. */
  keys(count = 10): string[] {
    const keys: string[] = [];
    let cursor = 0;
    do cursor = this.store.scan(cursor, count, (id) => keys.push(this.keyOf(id)));
    while (cursor !== 0);
    return keys.sort();
  }
}
