/**
 * Serving: whether this node may answer reads from its memory. The fence says no when it has lost its region's majority; and
 * when it has it again, what was invalidated meanwhile, and acknowledged without this node, may still be on its way. So a
 * node that was fenced greets everybody anew, and answers nothing before each live member's stream has come to where it was
 * then, and what members that are gone left behind has been got. Who does not answer for `recoveryTimeoutMs` is waited for no
 * longer, as at a start.
 */
import type { Fence } from "../cluster/fence.ts";
import type { Clock } from "../core/ports.ts";

export interface ServingOptions {
  readonly fence: Fence;
  readonly clock: Clock;
  readonly recoveryTimeoutMs: number;
  /** Says hello to everybody again. */
  readonly greetAll: () => void;
  /** True when everything that those hellos told of is here. */
  readonly hasCaughtUp: () => boolean;
}

export class Serving {
  readonly #options: ServingOptions;
  #lapses = 0;
  #wasFenced = false;
  /** Since when it catches up, monotonic ms; NaN while it does not. */
  #sinceMs = Number.NaN;

  constructor(options: ServingOptions) {
    this.#options = options;
  }

  /** True while it catches up after it was fenced. */
  get isReturning(): boolean {
    return this.#wasFenced;
  }

  /** See `Fence.mayServe`. */
  mayServe(nowMs: number, monotonicMs: number): boolean {
    const { fence } = this.#options;
    return !this.#wasFenced && fence.lapses === this.#lapses && fence.mayServe(nowMs, monotonicMs);
  }

  isFenced(id: string, origin: number): boolean {
    return this.#options.fence.isFenced(id, origin);
  }

  regionFences(region: string): boolean {
    return this.#options.fence.regionFences(region);
  }

  tick(): void {
    const { fence, clock, recoveryTimeoutMs, greetAll, hasCaughtUp } = this.#options;
    if (fence.lapses !== this.#lapses) {
      this.#lapses = fence.lapses;
      this.#wasFenced = true;
      this.#sinceMs = Number.NaN;
    }
    if (!this.#wasFenced) return;
    const nowMs = clock.monotonic();
    if (!fence.mayServe(clock.now(), nowMs)) {
      this.#sinceMs = Number.NaN;
    } else if (Number.isNaN(this.#sinceMs)) {
      this.#sinceMs = nowMs;
      greetAll();
    } else if (hasCaughtUp() || nowMs - this.#sinceMs > recoveryTimeoutMs) {
      this.#wasFenced = false;
    }
  }
}
