/**
 * The one implementation of the portable ports, over globals that every runtime has: Bun, Deno, Node, workerd and
 * browsers. Nothing here runs at import time.
 */
import type { Clock, Log, Ports, Random, Timer } from "./ports.ts";

const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

const systemRandom: Random = {
  uint32: () => crypto.getRandomValues(new Uint32Array(1))[0] as number,
};

const systemTimer: Timer = {
  after(delayMs, callback) {
    // One round of the event loop, where a timeout of 0 takes a millisecond. Browsers do not have it.
    if (delayMs === 0 && typeof setImmediate === "function") {
      const immediate = setImmediate(callback);
      return () => clearImmediate(immediate);
    }
    const handle = setTimeout(callback, delayMs);
    return () => clearTimeout(handle);
  },
};

const silentLog: Log = { write: () => {} };

/**
 * The system's clock, random source and timer, with a log that says nothing unless one is given.
 *
 * @example
 * ```ts
 * import { systemPorts } from "shoal";
 * const ports = systemPorts();
 * console.assert(ports.clock.now() > 1_700_000_000_000);
 * ```
 */
export function systemPorts(log: Log = silentLog): Ports {
  return { clock: systemClock, random: systemRandom, timer: systemTimer, log };
}
