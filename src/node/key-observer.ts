/**
 * The port through which a node tells of changed keys: client tracking and keyspace notifications hang on it. A node has
 * at most one observer, and none while nobody wants to know, so that an unobserved write pays for one comparison.
 */
import type { RemovalReason } from "../store/outcome.ts";
import type { Store } from "../store/store.ts";

/** Told of every change of a key, for client tracking and keyspace notifications. Bytes are valid during the call. */
export interface KeyObserver {
  /** `event` is Redis's notification name: "set", "del", "expire", "expired", "evicted", ... */
  changed(bytes: Uint8Array, start: number, end: number, event: string): void;
  /** A physical database was emptied; -1: all. */
  flushed(physicalDatabase: number): void;
  /** An invalidation by tag or pattern: there is no list of its keys. */
  invalidatedMany(): void;
  /** A read found nothing. */
  missed?(bytes: Uint8Array, start: number, end: number): void;
}

/** Tells of an entry that leaves for time or space. Where the caller had pointed the store to stays as it was. */
export function tellRemoved(store: Store, observer: KeyObserver, id: number, reason: RemovalReason): void {
  if (reason !== "expired" && reason !== "evicted") return;
  const { bytes, keyStart, keyEnd, valueStart, valueEnd } = store;
  store.locate(id);
  observer.changed(store.bytes, store.keyStart, store.keyEnd, reason);
  store.bytes = bytes;
  store.keyStart = keyStart;
  store.keyEnd = keyEnd;
  store.valueStart = valueStart;
  store.valueEnd = valueEnd;
}
