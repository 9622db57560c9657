/**
 * Operations that wait until this node has received what their session has seen. Looked at once a tick: what arrives comes in
 * many records, and a client that carries a token is nearly never ahead of the streams.
 *
 * A live origin's watermark says nothing of what it stamped by a ring that this node did not know: that is waited for
 * (`detouredTo`). What an origin that is gone stamped last may be lost. A watermark that a pull has raised stands for what others
 * received, each of their own slots; so of such an origin only its own stream to this node counts. And where nobody was left to
 * get a slot from (`aloneSince`), nothing of it counts: the session is told, unless it finds an entry newer than all it has seen.
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
  readonly slot: number;
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

  /**
   * Goes on, now or later, saying whether all that the token names has arrived.
   *
   * @param slot of the key that is looked at; -1 if what was lost does not matter
   */
  until(token: SessionToken | undefined, slot: number, timeoutMs: number, then: (reached: boolean) => void): void {
    if (token === undefined || isReached(token, this.#received(slot))) return then(true);
    if (this.#waits.size >= MAX_WAITS) return then(false);
    const waiting: Waiting = { token, slot, then, deadline: undefined };
    waiting.deadline = this.#deadlines.after(Math.min(timeoutMs / 2, MAX_WAIT_MS), () => {
      this.#waits.delete(waiting);
      then(false);
    });
    this.#waits.add(waiting);
  }

  tick(): void {
    if (this.#waits.size === 0) return;
    const received = this.#received(-1);
    const streamed: Received = { ...received, of: this.#streamedTo };
    for (const waiting of [...this.#waits]) {
      const lostTo = this.#lostTo(waiting.slot);
      const own = lostTo > 0 ? { ...streamed, lostTo } : waiting.slot < 0 ? received : streamed;
      if (!isReached(waiting.token, own)) continue;
      this.#waits.delete(waiting);
      waiting.deadline?.cancel();
      waiting.then(true);
    }
  }

  /** True if the entry of this id is the newest that the token's session has seen, or newer. */
  isNewer(token: SessionToken, id: number): boolean {
    if (id === 0) return false;
    const { store } = this.#node;
    const version = store.table.version(id);
    const highest = highestOf(token);
    if (version !== highest) return version > highest;
    return token.pairs.every((pair) => pair.version < version || pair.origin === store.originOf(id));
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

  #lostTo(slot: number): number {
    return slot < 0 ? 0 : this.#view.slots.aloneSince(slot);
  }

  readonly #watermarkOf = (origin: number): number => this.#view.watermarks.of(origin) || -1;

  /** The same of what was for this node. */
  readonly #streamedTo = (origin: number): number => {
    const { lives, sync, membership } = this.#view;
    const watermark = this.#watermarkOf(origin);
    if (watermark < 0) return -1;
    const streamedTo = lives.streamedTo(origin);
    if (streamedTo < watermark) return streamedTo;
    const isLive = membership.live().some((member) => member.origin === origin);
    return isLive ? Math.min(watermark, sync.detouredTo(origin)) : watermark;
  };

  #received(slot: number): Received {
    const { membership } = this.#view;
    const ownOrigin = this.#node.clock.origin;
    return {
      ownOrigin,
      lostTo: this.#lostTo(slot),
      of: slot < 0 ? this.#watermarkOf : this.#streamedTo,
      stable: this.#node.store.entries.stable,
      origins: membership.live().map(({ origin }) => origin),
    };
  }
}
