/**
 * The port through which a node tells of changed keys: client tracking and keyspace notifications hang on it. A node has
 * at most one observer, and none while nobody wants to know, so that an unobserved write pays for one comparison.
 */

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
