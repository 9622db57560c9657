/**
 * Transport in memory: nodes of one process that reach each other through a `MemoryNetwork`. Frames arrive in order, in
 * a later turn than they were sent in (`deliver`), so that no node runs inside another one's turn. A node's address is its
 * name; links come and go in `deliver` too.
 */
import type { Transport } from "../core/ports.ts";

interface Member {
  receive: (peer: string, frame: Uint8Array) => void;
  link: (peer: string, linked: boolean) => void;
  wanted: readonly string[];
  readonly links: Set<string>;
}

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
  readonly #members = new Map<string, Member>();
  #parcels: Parcel[] = [];

  /** The transport of the node called `name`. */
  join(name: string): Transport {
    const member: Member = { receive: () => {}, link: () => {}, wanted: [], links: new Set() };
    this.#members.set(name, member);
    return {
      send: (to, frame) => {
        if (this.#parcels.length >= MAX_PARCELS) this.#parcels.shift();
        this.#parcels.push({ from: name, to, frame });
      },
      onReceive: (callback) => {
        member.receive = callback;
      },
      onLink: (callback) => {
        member.link = callback;
      },
      reach: (addresses) => {
        member.wanted = addresses;
      },
      unlink: (peer) => this.#unlink(name, peer),
      close: async () => {
        this.#members.delete(name);
        for (const peer of [...member.links]) this.#unlink(name, peer);
      },
    };
  }

  /** Delivers what is under way, and what that causes. Frames to nobody are lost. */
  deliver(): void {
    for (const [name, { wanted }] of this.#members) for (const peer of wanted) this.#link(name, peer);
    while (this.#parcels.length > 0) {
      const parcels = this.#parcels;
      this.#parcels = [];
      for (const { from, to, frame } of parcels) this.#members.get(to)?.receive(from, frame);
    }
  }

  #link(name: string, peer: string): void {
    const one = this.#members.get(name);
    const other = this.#members.get(peer);
    if (one === undefined || other === undefined || one === other || one.links.has(peer)) return;
    one.links.add(peer);
    other.links.add(name);
    one.link(peer, true);
    other.link(name, true);
  }

  #unlink(name: string, peer: string): void {
    for (const [one, other] of [
      [name, peer],
      [peer, name],
    ] as const) {
      const member = this.#members.get(one);
      if (member?.links.delete(other)) member.link(other, false);
    }
  }
}
