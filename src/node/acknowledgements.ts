/**
 * Acknowledgements: who waits for which peer to have applied what this node stamped. A wait names a peer and a version; the
 * versions that one peer is waited for ascend nearly always, because waits begin when a record has just been stamped, so
 * each peer has a queue, and an acknowledgement takes from its front.
 *
 * A wait that is given up stays in its queue until half of the queue is given up. Limit: none of its own; copies.ts and
 * receipts.ts limit what waits.
 */

/** Below this many nothing is thrown out early. */
const WORTH_COMPACTING = 64;

export interface AcknowledgementWait {
  /** Nobody waits any more. */
  giveUp(): void;
}

interface Waiting {
  readonly version: number;
  callback: (() => void) | undefined;
  /** The queue that it is in; undefined once it has been reached. */
  queue: Queue | undefined;
}

class Queue {
  waits: Waiting[] = [];
  /** Given up and still in it. */
  dead = 0;
}

export class Acknowledgements {
  readonly #acknowledged: (peer: string) => number;
  readonly #queues = new Map<string, Queue>();

  /** @param acknowledged the version up to which a peer has applied what this node stamped */
  constructor(acknowledged: (peer: string) => number) {
    this.#acknowledged = acknowledged;
  }

  /** Waits that are not given up. */
  get size(): number {
    let size = 0;
    for (const { waits, dead } of this.#queues.values()) size += waits.length - dead;
    return size;
  }

  has(peer: string, version: number): boolean {
    return this.#acknowledged(peer) >= version;
  }

  /** Calls back, in `advance`, once the peer has the version, which it has not yet. */
  wait(peer: string, version: number, callback: () => void): AcknowledgementWait {
    let queue = this.#queues.get(peer);
    if (queue === undefined) {
      queue = new Queue();
      this.#queues.set(peer, queue);
    }
    const waiting: Waiting = { version, callback, queue };
    const { waits } = queue;
    let at = waits.length;
    while (at > 0 && waits[at - 1].version > version) at--;
    waits.splice(at, 0, waiting);
    return {
      giveUp: () => {
        if (waiting.callback === undefined) return;
        waiting.callback = undefined;
        if (waiting.queue === undefined) return;
        waiting.queue.dead++;
        this.#compact(peer, waiting.queue);
      },
    };
  }

  /** A peer has acknowledged more. */
  advance(peer: string): void {
    const queue = this.#queues.get(peer);
    if (queue === undefined) return;
    const version = this.#acknowledged(peer);
    let count = 0;
    while (count < queue.waits.length && queue.waits[count].version <= version) count++;
    if (count === 0) return;
    const reached = queue.waits.splice(0, count);
    if (queue.waits.length === 0) this.#queues.delete(peer);
    for (const waiting of reached) {
      waiting.queue = undefined;
      if (waiting.callback === undefined) queue.dead--;
    }
    for (const waiting of reached) {
      const { callback } = waiting;
      waiting.callback = undefined;
      callback?.();
    }
  }

  #compact(peer: string, queue: Queue): void {
    if (queue.dead === queue.waits.length) {
      if (this.#queues.get(peer) === queue) this.#queues.delete(peer);
      queue.waits = [];
      queue.dead = 0;
    } else if (queue.waits.length >= WORTH_COMPACTING && queue.dead * 2 > queue.waits.length) {
      queue.waits = queue.waits.filter(({ callback }) => callback !== undefined);
      queue.dead = 0;
    }
  }
}
