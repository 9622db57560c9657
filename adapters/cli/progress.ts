/**
 * How far something long is: a bar in the last line of a terminal, or a line for every ten percent elsewhere. Nothing is
 * shown of what is over within a second.
 *
 * Where nobody knows how much there is, as with what a pipe brings, the terminal shows a count, and nothing is written
 * elsewhere. Whoever writes to the same terminal meanwhile calls `clear` before; the bar comes back with the next report.
 */

/** From when on something is shown, ms. */
const DELAY_MS = 1_000;
/** How often a terminal is drawn at most, ms. */
const REDRAW_MS = 100;
/** Lines elsewhere are so far apart, in percent. */
const STEP = 10;
const NARROWEST_BAR = 10;
const WIDEST_BAR = 40;
const CLEAR_LINE = "\r\x1b[K";

export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** "verifying" */
  readonly title: string;
  /** Where the bar is drawn, if it is a terminal. */
  readonly terminal: Terminal;
  /** Elsewhere: told 10, 20, ... 100 once each; those that were passed at once count as one. */
  readonly onStep: (percent: number) => void;
  /** Ms since whenever; default: the runtime's monotonic clock. */
  readonly now?: () => number;
}

export class Progress {
  readonly #options: ProgressOptions;
  readonly #now: () => number;
  readonly #began: number;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawn = false;
  #step = 0;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#began = this.#now();
  }

  /**
   * Says how far it is.
   *
   * @param share 0 to 1; undefined if nobody knows.
   * @param detail Shown behind the bar, short: "12,000 entries".
   */
  report(share: number | undefined, detail = ""): void {
    const now = this.#now();
    if (now - this.#began < DELAY_MS) return;
    if (this.#options.terminal.isTTY === true) {
      if (now - this.#drawnAt < REDRAW_MS) return;
      this.#drawnAt = now;
      this.#draw(share, detail);
      return;
    }
    const step = share === undefined ? 0 : Math.floor((share * 100) / STEP) * STEP;
    if (step <= this.#step) return;
    this.#step = step;
    this.#options.onStep(step);
  }

  /** Takes the bar away. */
  clear(): void {
    if (this.#drawn) this.#options.terminal.write(CLEAR_LINE);
    this.#drawn = false;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  #draw(share: number | undefined, detail: string): void {
    const { title, terminal } = this.#options;
    this.#drawn = true;
    const behind = detail === "" ? "" : ` ${detail}`;
    const columns = (terminal.columns || 80) - 1;
    if (share === undefined) {
      terminal.write(`${CLEAR_LINE}${`${title}${behind}`.slice(0, columns)}`);
      return;
    }
    const percent = `${Math.floor(share * 100)} %`.padStart(6);
    const room = columns - title.length - percent.length - behind.length - 3;
    const width = Math.min(WIDEST_BAR, room);
    const done = Math.round(share * width);
    const bar = width < NARROWEST_BAR ? "" : ` [${"#".repeat(done)}${"-".repeat(width - done)}]`;
    terminal.write(`${CLEAR_LINE}${`${title}${bar}${percent}${behind}`.slice(0, columns)}`);
  }
}
