/**
 * What is pending for a peer: sequences of the record log in rising order, kept as runs, so that what goes to one peer alone
 * is one run however much it is. Limit: `MAX_RUNS`. Policy: `add` refuses, and the log is searched for the rest later.
 */

/** Runs of one peer. */
export const MAX_RUNS = 4_096;
/** Runs that were taken stay in front until they are so many. */
const COMPACT_AT = 512;

export class PendingRecords {
  /** First sequence of each run, and the sequence behind its last; from `#head` on. */
  readonly #runs: number[] = [];
  #head = 0;

  get isEmpty(): boolean {
    return this.#head === this.#runs.length;
  }

  /** The lowest sequence; there must be one. */
  get first(): number {
    return this.#runs[this.#head];
  }

  /** The end of the run that begins with `first`. */
  get firstEnd(): number {
    return this.#runs[this.#head + 1];
  }

  /** Adds a sequence above all before; false if there is no room for another run. */
  add(sequence: number): boolean {
    const runs = this.#runs;
    const last = runs.length - 1;
    if (last > this.#head && runs[last] === sequence) {
      runs[last] = sequence + 1;
      return true;
    }
    if (runs.length - this.#head >= 2 * MAX_RUNS) return false;
    runs.push(sequence, sequence + 1);
    return true;
  }

  /** Takes what lies before `sequence` away, which is in the first run or its end. */
  takeTo(sequence: number): void {
    if (sequence < this.firstEnd) {
      this.#runs[this.#head] = sequence;
      return;
    }
    this.#head += 2;
    if (this.#head === this.#runs.length) this.clear();
    else if (this.#head >= COMPACT_AT && 2 * this.#head >= this.#runs.length) {
      this.#runs.splice(0, this.#head);
      this.#head = 0;
    }
  }

  clear(): void {
    this.#runs.length = 0;
    this.#head = 0;
  }
}
