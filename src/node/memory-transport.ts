/**
 * Transport in memory: nodes of one process that reach each other through a `MemoryNetwork`. Frames arrive in order, in
 * a later turn than they were sent in (`deliver`), so that no node runs inside another one's turn.
 */
import type { Transport } from "../core/ports.ts";

type Receive = (peer: string, frame: Uint8Array) => void;

interface Parcel {
  readonly from: string;
  readonly to: string;
  readonly frame: Uint8Array;
}

/** Frames under way at most. Policy: the oldest are lost, as on a connection that breaks. */
const MAX_PARCELS = 100_000;

/**
 * Connects nodes of one process.
 *
 * @example
 * ```ts
 * import { MemoryNetwork } from "shoal";
 * const network = new MemoryNetwork();
 * const received: string[] = [];
 * network.join("fra").onReceive((peer, frame) => received.push(`${peer} sent ${frame.length} byte`));
 * network.join("iad").send("fra", Uint8Array.of(7));
 * network.deliver();
 * console.assert(received[0] === "iad sent 1 byte");
 * ```
 */
export class MemoryNetwork {
  readonly #receivers = new Map<string, Receive>();
  #parcels: Parcel[] = [];

  /** The transport of the node called `name`. */
  join(name: string): Transport {
    return {
      send: (to, frame) => {
        if (this.#parcels.length >= MAX_PARCELS) this.#parcels.shift();
        this.#parcels.push({ from: name, to, frame });
      },
      onReceive: (callback) => {
        this.#receivers.set(name, callback);
      },
      close: async () => {
        this.#receivers.delete(name);
      },
    };
  }

  /** Delivers what is under way, and what that causes. Frames to nobody are lost. */
  deliver(): void {
    while (this.#parcels.length > 0) {
      const parcels = this.#parcels;
      this.#parcels = [];
      for (const { from, to, frame } of parcels) this.#receivers.get(to)?.(from, frame);
    }
  }
}
