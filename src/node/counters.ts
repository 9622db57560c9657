/** What a node counts since its start, or since CONFIG RESETSTAT. Removals by reason are counted by the store. */
import { Durations } from "../core/durations.ts";
import type { Ports } from "../core/ports.ts";
import { NamespaceCounters, Read } from "./namespace-counters.ts";

export class Counters {
  /** Reads by namespace, whose sums are `hits`, `misses` and `staleHits`; undefined where none are told apart. */
  readonly namespaces: NamespaceCounters | undefined;
  /** How much later than asked for the host's clockwork was called: what else the event loop had to do. */
  readonly lag: Durations;
  /** How long slices of maintenance took. Cleaning that writes have to do themselves is not in it. */
  readonly maintenance: Durations;
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
  /** Records of other nodes that came at or below `stable`: they took away what is older, and were not stored. */
  recordsTooLate = 0;
  badFrames = 0;

  constructor({ createHistogram, random }: Pick<Ports, "createHistogram" | "random">, maxNamespaces: number) {
    this.namespaces = maxNamespaces > 0 ? new NamespaceCounters(maxNamespaces, random.uint32()) : undefined;
    this.lag = new Durations(createHistogram);
    this.maintenance = new Durations(createHistogram);
  }

  /** Counts a read of the stored key `bytes[start, end)` that was answered with a fresh entry. */
  hit(bytes: Uint8Array, start: number, end: number): void {
    this.hits++;
    if (this.namespaces !== undefined) this.namespaces.count(bytes, start, end, Read.HIT);
  }

  /** Likewise one that was not answered. */
  miss(bytes: Uint8Array, start: number, end: number): void {
    this.misses++;
    if (this.namespaces !== undefined) this.namespaces.count(bytes, start, end, Read.MISS);
  }

  /** Likewise one that was answered with a stale entry. */
  staleHit(bytes: Uint8Array, start: number, end: number): void {
    this.staleHits++;
    if (this.namespaces !== undefined) this.namespaces.count(bytes, start, end, Read.STALE_HIT);
  }

  reset(): void {
    const zeros: Record<string, number> = {};
    for (const [name, value] of Object.entries(this)) if (typeof value === "number") zeros[name] = 0;
    Object.assign(this, zeros);
    this.namespaces?.reset();
    this.lag.reset();
    this.maintenance.reset();
  }
}
