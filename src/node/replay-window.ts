/**
 * A window over ascending ids, as IPsec keeps it against replayed packets: which of the last `WINDOW` ids were seen already.
 * One bit each, in a ring of words; the words that the window leaves behind are cleared as it moves on. What is below the
 * window counts as seen, because nobody knows any more.
 *
 * @see RFC 6479, "IPsec Anti-Replay Algorithm without Bit Shifting"
 */

/** Ids that are told apart. Policy: what is older is refused. */
export const WINDOW = 8_192;
const WORD_BITS = 32;
/** One word more than the window has, so that a word is cleared before any of its bits is in use again. */
const WORDS = WINDOW / WORD_BITS + 1;

export class ReplayWindow {
  readonly #words = new Uint32Array(WORDS);
  /** The highest id seen. */
  #highest = 0;

  /**
   * Marks an id as seen.
   *
   * @param id 1 to 2^48 - 1
   * @returns true if it was not seen before, and is not below the window
   */
  admit(id: number): boolean {
    const word = Math.floor(id / WORD_BITS);
    if (id > this.#highest) {
      const from = Math.floor(this.#highest / WORD_BITS);
      const steps = Math.min(word - from, WORDS);
      for (let i = 1; i <= steps; i++) this.#words[(word - steps + i) % WORDS] = 0;
      this.#highest = id;
    } else if (id + WINDOW <= this.#highest) {
      return false;
    }
    const at = word % WORDS;
    const bit = 1 << (id % WORD_BITS);
    if ((this.#words[at] & bit) !== 0) return false;
    this.#words[at] |= bit;
    return true;
  }
}
