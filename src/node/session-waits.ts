/**
 * Operations that wait until this node has received what their session has seen. Looked at once a tick: what arrives comes in
 * many records, and a client that carries a token is nearly never ahead of the streams.
 *
 * A stamp is also merged into the clock before anything is stamped for the session, so that what a client writes is above
 * what it has seen; a stamp too far ahead of the wall clock is not.
 *
 * Limit: `MAX_WAITS`; policy: who comes then does not wait, and what has not arrived is told to be stale.
 */
import type { ClusterView } from "./cluster-view.ts";
import type { Deadline, Deadlines } from "./deadlines.ts";
import type { Node } from "./node.ts";
import type { OperationResult } from "./operation.ts";
import { highestOf, isReached, type Received, type SessionToken, see } from "./session-token.ts";

/** Operations that wait for streams. */
export const MAX_WAITS = 16_384;
/** Longest time that streams are waited for, ms: then somebody else may know more. */
export const MAX_WAIT_MS = 250;

interface Waiting {
  readonly token: SessionToken;
  readonly then: (reached: boolean) => void;
  deadline: Deadline | undefined;
}

export class SessionWaits {
  readonly #view: ClusterView;
  readonly #node: Node;
  readonly #deadlines: Deadlines;
  readonly #waits = new Set<Waiting>();

  constructor(view: ClusterView, node: Node, deadlines: Deadlines) {
    this.#view = view;
    this.#node = node;
    this.#deadlines = deadlines;
  }

  get waiting(): number {
    return this.#waits.size;
  }

  /** Goes on, now or later, saying whether all that the token names has arrived. */
  until(token: SessionToken | undefined, timeoutMs: number, then: (reached: boolean) => void): void {
    if (token === undefined || isReached(token, this.#received())) return then(true);
    if (this.#waits.size >= MAX_WAITS) return then(false);
    const waiting: Waiting = { token, then, deadline: undefined };
    waiting.deadline = this.#deadlines.after(Math.min(timeoutMs / 2, MAX_WAIT_MS), () => {
      this.#waits.delete(waiting);
      then(false);
    });
    this.#waits.add(waiting);
  }

  tick(): void {
    if (this.#waits.size === 0) return;
    const received = this.#received();
    for (const waiting of [...this.#waits]) {
      if (!isReached(waiting.token, received)) continue;
      this.#waits.delete(waiting);
      waiting.deadline?.cancel();
      waiting.then(true);
    }
  }

  /** Makes later stamps of this node higher than the token's. False if the token is too far ahead of the wall clock. */
  merge(token: SessionToken | undefined): boolean {
    const highest = token === undefined ? 0 : highestOf(token);
    if (highest <= this.#node.clock.last) return true;
    return this.#node.clock.observe(highest, this.#view.config.maxClockSkewMs);
  }

  /**
   * The result with the session's next token. What a fill's place in its origin's stream is, nobody can tell from its
   * version, which is older; it is not above what this node has received of that origin.
   */
  advance(token: SessionToken | undefined, result: OperationResult): OperationResult {
    if (token === undefined) return result;
    const { entry, stamp } = result;
    let next = token;
    if (stamp !== undefined && result.status !== "unmet") next = see(next, stamp);
    if (entry !== undefined) {
      const { version, origin } = entry.stamp;
      const received = entry.isFill ? this.#positionOf(origin) : 0;
      next = see(next, { origin, version: Math.max(version, received) });
    }
    return { ...result, session: next };
  }

  #positionOf(origin: number): number {
    const { clock } = this.#node;
    return origin === clock.origin ? clock.last : this.#view.watermarks.of(origin);
  }

  #received(): Received {
    const { watermarks, membership } = this.#view;
    const ownOrigin = this.#node.clock.origin;
    return {
      ownOrigin,
      of: (origin) => watermarks.of(origin),
      stable: this.#node.store.entries.stable,
      origins: membership.live().map(({ origin }) => origin),
    };
  }
}
