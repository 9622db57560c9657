/**
 * Epochs: what remains of invalidations. An epoch is (version, applied): the invalidation's own stamp, and the stamp at
 * which this node first applied it. Every subject (a tag, a pattern, a database) has two, for purges and for soft
 * invalidations; version and receipt each take their own maximum, so that order of arrival does not matter. The same
 * invalidation once more changes nothing.
 *
 * Sets die by `version`: one written after the invalidation survives it on every node. Fills die by the later of the
 * two stamps, because a load that began before the invalidation arrived here may have read what it was about; a fill
 * stamped by another node gets the allowed clock skew on top (DESIGN 3.2).
 *
 * Epoch rows are five doubles in pages that never move, named by a number from 1, so that a tag needs one word for its
 * row. The fifth is the sweeper's position at which every entry has been compared with the row. Free rows form a list.
 */
import { releaseBytes } from "../core/bytes.ts";
import { EpochMode } from "../core/record.ts";

/** How an entry fares against epochs. Higher is worse; the worst of several counts. */
export const Fate = { ALIVE: 0, STALE: 1, DEAD: 2 } as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

const ROW = 5;
const SWEPT_AT = 4;
const PAGE_SHIFT = 7;
const PAGE_ROWS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_ROWS - 1;
const PAGE_BYTES = PAGE_ROWS * ROW * 8;

export class EpochRows {
  #pages: Float64Array[] = [];
  #free = 0;
  #limit = 1;
  /** Rows in use. */
  count = 0;
  /** No stamp of any row in use is above this; entries above it need not be compared. */
  newest = 0;

  get allocatedBytes(): number {
    return this.#pages.length * PAGE_BYTES;
  }

  /** Bytes that the next `acquire` adds. */
  get growthBytes(): number {
    return this.#free === 0 && this.#limit >>> PAGE_SHIFT >= this.#pages.length ? PAGE_BYTES : 0;
  }

  acquire(): number {
    let row = this.#free;
    if (row !== 0) {
      this.#free = this.#pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * ROW];
    } else {
      row = this.#limit++;
      if (row >>> PAGE_SHIFT >= this.#pages.length) this.#pages.push(new Float64Array(PAGE_ROWS * ROW));
    }
    const at = (row & PAGE_MASK) * ROW;
    this.#pages[row >>> PAGE_SHIFT].fill(0, at, at + ROW);
    this.count++;
    return row;
  }

  release(row: number): void {
    this.#pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * ROW] = this.#free;
    this.#free = row;
    this.count--;
    if (this.count === 0) this.clear();
  }

  clear(): void {
    for (const page of this.#pages) releaseBytes(page);
    this.#pages = [];
    this.#free = 0;
    this.#limit = 1;
    this.count = 0;
    this.newest = 0;
  }

  /**
   * Raises one of the row's two epochs. True if that changed anything: an older invalidation that arrives after a newer
   * one still has its own receipt, before which no load may have begun.
   */
  raise(row: number, mode: EpochMode, version: number, applied: number): boolean {
    const page = this.#pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * ROW + (mode === EpochMode.PURGE ? 0 : 2);
    const newer = version > page[at];
    if (version === page[at] || (!newer && applied <= page[at + 1])) return false;
    if (newer) page[at] = version;
    if (applied > page[at + 1]) page[at + 1] = applied;
    this.newest = Math.max(this.newest, version, applied);
    return true;
  }

  /** Fate of an entry: `version` is its stamp (a fill's `began`); `skew` in stamps, 0 unless another node stamped the fill. */
  fate(row: number, version: number, fill: boolean, skew: number): Fate {
    const page = this.#pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * ROW;
    if (kills(page, at, version, fill, skew)) return Fate.DEAD;
    return kills(page, at + 2, version, fill, skew) ? Fate.STALE : Fate.ALIVE;
  }

  /** The version of one of the row's epochs, 0 if it has none. */
  versionOf(row: number, mode: EpochMode): number {
    return this.#pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * ROW + (mode === EpochMode.PURGE ? 0 : 2)];
  }

  /** The latest receipt of it. */
  appliedOf(row: number, mode: EpochMode): number {
    return this.#pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * ROW + (mode === EpochMode.PURGE ? 1 : 3)];
  }

  /** The highest stamp of the row: once `stable` has passed it, nothing older can arrive. */
  newestOf(row: number): number {
    const page = this.#pages[row >>> PAGE_SHIFT];
    const at = (row & PAGE_MASK) * ROW;
    return Math.max(page[at], page[at + 1], page[at + 2], page[at + 3]);
  }

  /** The sweeper's position at which every entry has been compared with the row. */
  sweptAt(row: number): number {
    return this.#pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * ROW + SWEPT_AT];
  }
  setSweptAt(row: number, position: number): void {
    this.#pages[row >>> PAGE_SHIFT][(row & PAGE_MASK) * ROW + SWEPT_AT] = position;
  }
}

function kills(page: Float64Array, at: number, version: number, fill: boolean, skew: number): boolean {
  const epoch = page[at];
  if (epoch === 0) return false;
  return fill ? version <= Math.max(epoch, page[at + 1]) + skew : version <= epoch;
}
