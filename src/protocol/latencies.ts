/**
 * Latencies by protocol and command: one `Durations` for each pair, made when it is first asked for.
 *
 * Who records often asks once for the series of its command and keeps it:
 *
 *     const get = latencies.of("http", "get");
 *     get.record(durationNs);
 *
 * Series live as long as the registry: `reset` empties them and forgets none, so kept ones stay valid. Commands are names
 * that the program knows, never what a client sent. Limit: `MAX_SERIES`. Policy: further commands of a protocol share the
 * series "(other)".
 */
import { Durations } from "../core/durations.ts";
import type { CreateHistogram } from "../core/ports.ts";

export type Protocol = "resp" | "http";

/** Series at most; with a histogram each takes about 30 KB. */
export const MAX_SERIES = 512;
export const OTHER_COMMANDS = "(other)";

export interface LatencySeries {
  readonly protocol: Protocol;
  readonly command: string;
  readonly durations: Durations;
}

export class Latencies {
  readonly #createHistogram: CreateHistogram | undefined;
  readonly #series = new Map<string, LatencySeries>();

  /** @param createHistogram `node.ports.createHistogram`; without it there are counts, and no percentiles */
  constructor(createHistogram?: CreateHistogram) {
    this.#createHistogram = createHistogram;
  }

  /** Series so far. */
  get size(): number {
    return this.#series.size;
  }

  /** The series of a command, to be kept by who records often. */
  of(protocol: Protocol, command: string): Durations {
    const name = `${protocol} ${command}`;
    const known = this.#series.get(name);
    if (known !== undefined) return known.durations;
    if (this.#series.size >= MAX_SERIES && command !== OTHER_COMMANDS) return this.of(protocol, OTHER_COMMANDS);
    const durations = new Durations(this.#createHistogram);
    this.#series.set(name, { protocol, command, durations });
    return durations;
  }

  /** Counts one request that took `durationNs`. */
  record(protocol: Protocol, command: string, durationNs: number): void {
    this.of(protocol, command).record(durationNs);
  }

  /** All series, in the order in which they were first asked for. */
  all(): Iterable<LatencySeries> {
    return this.#series.values();
  }

  /** Empties all series. */
  reset(): void {
    for (const { durations } of this.#series.values()) durations.reset();
  }
}
