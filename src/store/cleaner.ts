/**
 * The cleaner: takes back the dead bytes of a log-structured store (Rosenblum and Ousterhout, SOSP 1991). It walks the
 * segment with the most dead bytes, moves what is alive to the survivors' head, and frees the segment.
 *
 * It works in steps of some bytes, so that a write pays a little instead of a pause; a segment that becomes empty on the
 * way (or is cleared) ends the walk. Ids do not change, only addresses, so nobody else notices.
 */
import type { Entries } from "./entries.ts";
import { Head, TAG_MARK } from "./segments.ts";

export class Cleaner {
  readonly #entries: Entries;
  #victim = -1;
  #generation = 0;
  #offset = 0;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** True while a segment is being walked. */
  get walking(): boolean {
    return this.#victim >= 0 && this.#entries.segments.generation[this.#victim] === this.#generation;
  }

  /**
   * Walks up to `bytes` bytes. Starts with a new victim where none is being walked, if its dead share is at least
   * `minShare` (0 to 1). Returns false where there is nothing to clean.
   */
  step(bytes: number, minShare: number): boolean {
    const { segments } = this.#entries;
    if (!this.walking && !this.#choose(minShare)) return false;
    const victim = this.#victim;
    const until = this.#offset + bytes;
    while (this.walking && this.#offset < segments.filled[victim] && this.#offset < until) this.#visit(victim);
    if (!this.walking) {
      this.#entries.work.freedSegments++;
      this.#victim = -1;
    } else if (this.#offset >= segments.filled[victim]) {
      // Everything alive was moved, so the segment is gone already unless something had no room to move.
      this.#victim = -1;
    }
    return true;
  }

  #choose(minShare: number): boolean {
    const { segments } = this.#entries;
    const victim = segments.emptiest();
    if (victim < 0 || segments.dead[victim] < segments.filled[victim] * minShare) return false;
    this.#victim = victim;
    this.#generation = segments.generation[victim];
    this.#offset = 0;
    return true;
  }

  /** Looks at the item at the cursor and moves it if it is alive. */
  #visit(victim: number): void {
    const { segments, tags } = this.#entries;
    const address = segments.addressAt(victim, this.#offset);
    const size = segments.itemBytes(address);
    this.#offset += size;
    this.#entries.work.walkedBytes += size;
    if (segments.keyLength(address) === TAG_MARK) {
      const moved = tags.relocate(address, () => this.#move(address, size));
      if (moved) segments.kill(address);
      return;
    }
    const bytes = segments.bytes[victim];
    const start = segments.offsetOf(address) + 4;
    const id = this.#ownerOf(address, bytes, start, start + segments.keyLength(address));
    if (id === 0) return;
    this.#entries.table.setAddress(id, this.#move(address, size));
    segments.kill(address);
  }

  #move(address: number, size: number): number {
    const { segments } = this.#entries;
    if (!segments.fits(Head.SURVIVED, size)) segments.open(Head.SURVIVED);
    this.#entries.work.movedBytes += size;
    return segments.move(address, Head.SURVIVED);
  }

  #ownerOf(address: number, bytes: Uint8Array, start: number, end: number): number {
    const { table, buckets } = this.#entries;
    let id = buckets.head(buckets.bucketOf(this.#entries.hashOf(bytes, start, end)));
    while (id !== 0) {
      if (table.address(id) >>> 0 === address) return id;
      id = table.chain(id);
    }
    return 0;
  }
}
