/**
 * The slow log, and how slowness is found without reading a clock for every request.
 *
 * - Commands whose work can be much longer than their request (not marked fast) are timed at every call, exactly.
 * - For the others, the turn's own time stamp and one reading at its end bracket a whole input buffer, to the
 *   millisecond. If such a batch took longer than the threshold and consisted of one request, that request is logged
 *   with the batch's duration.
 * - If it consisted of several and none of them was logged, nobody can say which one it was: the batch is counted as
 *   unattributed, and for the next second every request is timed, so a cause that persists is found.
 * - With a threshold below one millisecond every request is timed always, because then that is what was asked for.
 *
 * Entries are kept newest first up to a configured number; long requests are cut as Redis cuts them.
 */
import type { Args } from "./args.ts";

/** Arguments and bytes of one argument that an entry keeps, as in Redis. */
const MAX_ARGUMENTS = 32;
const MAX_ARGUMENT_BYTES = 128;
/** Below this threshold, every request is timed. */
const PRECISE_BELOW_US = 1_000;
/** How long every request is timed after an unattributed batch. */
const PRECISE_MS = 1_000;

export interface SlowEntry {
  readonly id: number;
  readonly atMs: number;
  readonly durationUs: number;
  /** What was asked, one char per byte. */
  readonly args: readonly string[];
  readonly remoteAddress: string;
  readonly clientName: string;
}

export interface SlowLogLimits {
  /** Requests that took at least this long are logged; 0: all; negative: none. */
  readonly slowlogSlowerThanUs: number;
  readonly slowlogMaxLength: number;
}

export class SlowLog {
  /** Batches that were slow without a request that could be named. */
  unattributedBatches = 0;
  readonly #limits: () => SlowLogLimits;
  #entries: SlowEntry[] = [];
  #nextId = 0;
  #preciseUntilMs = 0;

  /** `limits` is asked each time, because the configuration may change. */
  constructor(limits: () => SlowLogLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#entries.length;
  }

  /** The id that the next entry will have; how many were logged. */
  get nextId(): number {
    return this.#nextId;
  }

  /** The newest `count` entries; all if negative. */
  entries(count = -1): readonly SlowEntry[] {
    const newest = this.#entries.toReversed();
    return count < 0 ? newest : newest.slice(0, count);
  }

  reset(): void {
    this.#entries = [];
  }

  /** True if a duration is one to log. */
  isSlow(durationUs: number): boolean {
    const threshold = this.#limits().slowlogSlowerThanUs;
    return threshold >= 0 && durationUs >= threshold;
  }

  /** True if every request has to be timed at the moment. */
  isPrecise(nowMs: number): boolean {
    const threshold = this.#limits().slowlogSlowerThanUs;
    return threshold >= 0 && (threshold < PRECISE_BELOW_US || nowMs < this.#preciseUntilMs);
  }

  /** Notes a slow batch that no entry explains. */
  noteUnattributed(nowMs: number): void {
    this.unattributedBatches++;
    this.#preciseUntilMs = nowMs + PRECISE_MS;
  }

  add(entry: Omit<SlowEntry, "id">): void {
    const limit = this.#limits().slowlogMaxLength;
    this.#entries.push({ ...entry, id: this.#nextId++ });
    if (this.#entries.length > limit) this.#entries.splice(0, this.#entries.length - limit);
  }
}

/** The arguments as an entry keeps them; `userStart` gives where the user's part of an argument begins. */
export function slowArguments(args: Args, secret: boolean, userStart: (i: number) => number): string[] {
  const shown: string[] = [];
  const count = args.count > MAX_ARGUMENTS ? MAX_ARGUMENTS - 1 : args.count;
  for (let i = 0; i < count; i++) {
    if (secret && i > 0) {
      shown.push("(redacted)");
      continue;
    }
    const start = userStart(i);
    const size = args.end(i) - start;
    let text = "";
    for (let k = 0; k < Math.min(size, MAX_ARGUMENT_BYTES); k++)
      text += String.fromCharCode(args.bytes[start + k] as number);
    shown.push(size > MAX_ARGUMENT_BYTES ? `${text}... (${size - MAX_ARGUMENT_BYTES} more bytes)` : text);
  }
  if (count < args.count) shown.push(`... (${args.count - count} more arguments)`);
  return shown;
}
