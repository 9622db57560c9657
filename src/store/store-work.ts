/** What the store's sweeper and cleaner have done since the start, or since the counts were reset. */
export class StoreWork {
  /** Ids that the sweep after invalidations looked at, and entries that it marked as stale. */
  sweptIds = 0;
  markedStale = 0;
  /** Bytes of items that the cleaner looked at, bytes that it moved because they were alive, and segments it emptied. */
  walkedBytes = 0;
  movedBytes = 0;
  freedSegments = 0;

  reset(): void {
    Object.assign(this, new StoreWork());
  }
}
