/**
 * Epochs: what remains of invalidations. An epoch is (version, applied): the invalidation's own stamp, and the stamp at
 * which this node first applied it. Every subject (a tag, a pattern, a database) has two, for purges and for soft
 * invalidations; each takes its own maximum, so that order of arrival does not matter and redelivery changes nothing.
 *
 * Sets die by `version`: one written after the invalidation survives it on every node. Fills die by the later of the
 * two stamps, because a load that began before the invalidation arrived here may have read what it was about; a fill
 * stamped by another node gets the allowed clock skew on top (DESIGN 3.2).
 *
 * Epoch rows are four doubles in one growing array, named by a number from 1, so that a tag needs one word for its row.
 */
import { EpochMode } from "../core/record.ts";

/** How an entry fares against epochs. Higher is worse; the worst of several counts. */
export const Fate = { ALIVE: 0, STALE: 1, DEAD: 2 } as const;
export type Fate = (typeof Fate)[keyof typeof Fate];

const ROW = 4;
const FIRST_ROWS = 16;

export class EpochRows {
  #rows = new Float64Array(FIRST_ROWS * ROW);
  #free: number[] = [];
  #limit = 1;
  /** Rows in use. */
  count = 0;
  /** No stamp of any row in use is above this; entries above it need not be compared. */
  newest = 0;

  get allocatedBytes(): number {
    return this.#rows.byteLength;
  }

  acquire(): number {
    const row = this.#free.pop() ?? this.#limit++;
    if ((row + 1) * ROW > this.#rows.length) {
      const grown = new Float64Array(this.#rows.length * 2);
      grown.set(this.#rows);
      this.#rows = grown;
    }
    this.#rows.fill(0, row * ROW, (row + 1) * ROW);
    this.count++;
    return row;
  }

  release(row: number): void {
    this.#free.push(row);
    this.count--;
    if (this.count === 0) this.clear();
  }

  clear(): void {
    this.#rows = new Float64Array(FIRST_ROWS * ROW);
    this.#free = [];
    this.#limit = 1;
    this.count = 0;
    this.newest = 0;
  }

  /** Raises one of the row's two epochs. True if that changed anything. */
  raise(row: number, mode: EpochMode, version: number, applied: number): boolean {
    const at = row * ROW + (mode === EpochMode.PURGE ? 0 : 2);
    const old = this.#rows[at];
    if (version <= old) return false;
    this.#rows[at] = version;
    this.#rows[at + 1] = Math.max(this.#rows[at + 1], applied);
    this.newest = Math.max(this.newest, version, applied);
    return true;
  }

  /** Fate of an entry: `version` is its stamp (a fill's `began`); `skew` in stamps, 0 unless another node stamped the fill. */
  fate(row: number, version: number, fill: boolean, skew: number): Fate {
    const at = row * ROW;
    if (this.#kills(at, version, fill, skew)) return Fate.DEAD;
    return this.#kills(at + 2, version, fill, skew) ? Fate.STALE : Fate.ALIVE;
  }

  /** The highest stamp of the row: once `stable` has passed it, nothing older can arrive. */
  newestOf(row: number): number {
    const at = row * ROW;
    const rows = this.#rows;
    return Math.max(rows[at], rows[at + 1], rows[at + 2], rows[at + 3]);
  }

  #kills(at: number, version: number, fill: boolean, skew: number): boolean {
    const epoch = this.#rows[at];
    if (epoch === 0) return false;
    return fill ? version <= Math.max(epoch, this.#rows[at + 1]) + skew : version <= epoch;
  }
}
