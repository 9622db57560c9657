/**
 * The ports: everything that Shoal's core needs from the world outside, as small interfaces that are handed in.
 *
 * Nothing under `src/` reads a clock, draws a random number, sets a timer, opens a socket or writes a file by
 * itself; `system.ts` holds the one implementation of the portable ports (clock, random, timer) and is the only
 * file that may touch those globals. The simulator hands in its own.
 */

/** Time, in milliseconds. Both readings may be fractional. */
export interface Clock {
  /** Wall-clock time, ms since the Unix epoch. May jump either way; versions never rely on it alone. */
  now(): number;
  /** Monotonic time, ms since an arbitrary start. Never goes back; used for durations and time slices. */
  monotonic(): number;
}

/** A source of random numbers. */
export interface Random {
  /** A uniformly distributed unsigned 32-bit integer. */
  uint32(): number;
}

/** Cancels what it was returned for. Calling it twice, or after the call happened, does nothing. */
export type Cancel = () => void;

/** Calls back later. Order between two calls due at the same time is the order in which they were asked for. */
export interface Timer {
  /** Calls `callback` once, `delayMs` (>= 0) from now; 0 means after the current turn's I/O. */
  after(delayMs: number, callback: () => void): Cancel;
}

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Structured log: one event name in words, and fields. Errors travel up; only the edge logs them, once. */
export interface Log {
  write(level: LogLevel, event: string, fields?: Readonly<Record<string, unknown>>): void;
}

/**
 * Frames to and from peers. Frames of one peer arrive in the order of sending on each channel, or not at all (a lost link);
 * the transport owns a sent frame's bytes from the call on, the receiver may keep what it is given.
 *
 * Who is to be reached is told by address; under which name it answers, the transport finds out when it makes the link,
 * and tells it as the link's peer. Two nodes have one link at most, whoever made it.
 */
export interface Transport {
  /** @param channel 0: urgent or small; 1: bulk. What is sent to a peer without a link is dropped. */
  send(peer: string, frame: Uint8Array, channel?: number): void;
  onReceive(callback: (peer: string, frame: Uint8Array) => void): void;
  /** Is told when a link is there, and when it is lost, in turn. */
  onLink?(callback: (peer: string, linked: boolean) => void): void;
  /** Makes links to these addresses and no others, now and again until they are there. Links that others make stay. */
  reach?(addresses: readonly string[]): void;
  /** Closes a link over which something came that cannot be trusted. It may be made again. */
  unlink?(peer: string): void;
  close(): Promise<void>;
}

/**
 * The distribution of some whole numbers, with percentiles of a bounded relative error: what is recorded is found again
 * within 1 %. Memory does not grow with what is recorded.
 */
export interface Histogram {
  /** Counts a whole number from 1 to `MAX_HISTOGRAM_VALUE`. */
  record(value: number): void;
  /**
   * The value that `percent` (above 0, at most 100) of what was recorded is not above, by the nearest rank; meaningless
   * while it is empty.
   */
  percentile(percent: number): number;
  /** Forgets everything. */
  reset(): void;
}

/** The highest value that a histogram has to keep apart: a minute in nanoseconds. */
export const MAX_HISTOGRAM_VALUE = 60e9;

/** Makes an empty histogram. */
export type CreateHistogram = () => Histogram;

/** The portable ports together, as most constructors want them. */
export interface Ports {
  readonly clock: Clock;
  readonly random: Random;
  readonly timer: Timer;
  readonly log: Log;
  /** Without it nobody can tell percentiles, and they are left out; everything else is counted all the same. */
  readonly createHistogram?: CreateHistogram;
}
