/**
 * Connections that have not finished their TLS handshake: peers of which nothing is known yet.
 *
 * They are no sessions, so none of the limits of sessions bound them; these do:
 * - time: `HANDSHAKE_MS`, or `requestTimeoutMs` where that is shorter. Policy: cut.
 * - number: `MAX_HANDSHAKES`, which bounds what the TLS libraries hold for strangers. Policy: the oldest is cut, so that
 *   peers which never finish keep nobody out.
 */
import type { Cancel } from "../../core/ports.ts";
import type { Node } from "../../node/node.ts";

/** How long a handshake may take, ms. */
const HANDSHAKE_MS = 10_000;
/** Handshakes at a time: what a TLS library holds for one is some tens of KiB at most. */
export const MAX_HANDSHAKES = 512;

interface Handshake {
  readonly cut: () => void;
  cancel: Cancel;
}

export class Handshakes {
  readonly #node: Node;
  /** In the order in which they began. */
  readonly #open = new Set<Handshake>();

  constructor(node: Node) {
    this.#node = node;
  }

  /** Handshakes under way. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * A connection begins its handshake.
   *
   * @param cut Closes it at once; called at most once, and not after the end.
   * @returns Tells that the handshake, or the connection, has ended; calling it twice does nothing.
   */
  begin(cut: () => void): () => void {
    if (this.#open.size >= MAX_HANDSHAKES) {
      const [oldest] = this.#open;
      if (oldest !== undefined) this.#cut(oldest);
    }
    const { requestTimeoutMs } = this.#node.config;
    const limitMs = requestTimeoutMs === 0 ? HANDSHAKE_MS : Math.min(HANDSHAKE_MS, requestTimeoutMs);
    const handshake: Handshake = { cut, cancel: () => {} };
    handshake.cancel = this.#node.ports.timer.after(limitMs, () => this.#cut(handshake));
    this.#open.add(handshake);
    return () => this.#end(handshake);
  }

  /** Cuts all of them: the server ends. */
  cutAll(): void {
    for (const handshake of [...this.#open]) this.#cut(handshake);
  }

  #cut(handshake: Handshake): void {
    if (this.#end(handshake)) handshake.cut();
  }

  #end(handshake: Handshake): boolean {
    handshake.cancel();
    return this.#open.delete(handshake);
  }
}
