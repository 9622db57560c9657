/**
 * What a RESP server measures of time: its commands, its turns, and which calls are timed at all.
 *
 * Commands whose work can be long are timed at each call, all others at one call in 64 on average, at random gaps. With a
 * gap that is always the same, pipelines of that length (or a multiple) would have the same request timed each time. The
 * gaps are uniform from 1 to 127, so in the long run every call is as likely as any other, whatever the pattern of
 * requests is. The first call after a start or reset only sets where the first sample is: it would be one
 * for certain, and is slower than others. The generator is xorshift (Marsaglia 2003), seeded by the
 * Random port.
 */
import { Durations } from "../../core/durations.ts";
import type { Ports } from "../../core/ports.ts";
import { Latencies } from "../latencies.ts";

const MAX_GAP = 127;

export class Timings {
  readonly latencies: Latencies;
  /** How long batches of turns took (turn-batch.ts): each of them. */
  readonly turns: Durations;
  #state: number;

  constructor({ createHistogram, random }: Pick<Ports, "createHistogram" | "random">) {
    this.latencies = new Latencies(createHistogram);
    this.turns = new Durations(createHistogram);
    this.#state = random.uint32() | 0 || 1;
  }

  /** Calls from one that is timed to the next one: 1 to 127, 64 on average. */
  nextGap(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return 1 + ((x >>> 0) % MAX_GAP);
  }

  /** Forgets all durations. */
  reset(): void {
    this.latencies.reset();
    this.turns.reset();
  }
}
