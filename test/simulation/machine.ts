/**
 * The machine on which one life of a node runs: everything that the node does passes through it. While it is paused nothing
 * runs, what comes waits, and the clocks go on; when it is gone nothing of that life ever runs again.
 */
import type { Cancel, Timer } from "../../src/core/ports.ts";
import type { Scheduler } from "./scheduler.ts";

export class Machine {
  readonly #scheduler: Scheduler;
  #waiting: (() => void)[] = [];
  #paused = false;
  #gone = false;
  /** What a turn threw that nobody expected. */
  readonly #onError: (error: unknown) => void;
  /** Timers of this life. */
  readonly timer: Timer;

  constructor(scheduler: Scheduler, onError: (error: unknown) => void) {
    this.#scheduler = scheduler;
    this.#onError = onError;
    this.timer = { after: (delayMs, callback) => this.after(delayMs, callback) };
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** Runs now, or when the pause is over, or never. */
  run(work: () => void): void {
    if (this.#gone) return;
    if (this.#paused) {
      this.#waiting.push(work);
      return;
    }
    try {
      work();
    } catch (error) {
      this.#onError(error);
    }
  }

  after(delayMs: number, callback: () => void): Cancel {
    let isCancelled = false;
    const cancel = this.#scheduler.after(delayMs, () =>
      this.run(() => {
        if (!isCancelled) callback();
      }),
    );
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  pause(): void {
    this.#paused = true;
  }

  /** What waited runs, in order, each as an event of its own. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const work of waiting) this.#scheduler.after(0, () => this.run(work));
  }

  end(): void {
    this.#gone = true;
    this.#waiting = [];
  }
}
