/** What a node counts since its start, or since CONFIG RESETSTAT. Removals by reason are counted by the store. */
export class Counters {
  /** Plain reads that were answered with an entry, and those that were not. */
  hits = 0;
  misses = 0;
  /** Reads answered with a stale entry because the caller allowed it. */
  staleHits = 0;
  /** Records stamped here and applied, by what they did. */
  sets = 0;
  deletes = 0;
  touches = 0;
  invalidations = 0;
  flushes = 0;
  fills = 0;
  /** Fills that came too late: their key was invalidated or written meanwhile, or their lease was over. */
  fillsRefused = 0;
  leasesGranted = 0;
  leasesBusy = 0;
  leasesExpired = 0;
  /** Writes refused because nothing could be evicted for them. */
  outOfMemory = 0;
  /** Records of other nodes that were applied, and frames that were not intact. */
  recordsReceived = 0;
  badFrames = 0;

  reset(): void {
    Object.assign(this, new Counters());
  }
}
