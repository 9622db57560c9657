/**
 * A batch of turns: what one round of the event loop brought, run together. The adapter adds each chunk as it arrives and
 * runs the batch when the round is over. Together, chunks of up to 1 KiB share one reading of the clock, their lookups wait for memory at
 * the same time (lookahead.ts), what they write is stored together, and code and data stay in the processor's caches instead of alternating with the
 * kernel's. Chunks of one session keep their order. A batch holds what one round brought and nothing longer; when that is
 * more than `MAX_BATCH_BYTES`, it runs before the round is over.
 * That costs less CPU for each request than chunks that are run as they come, and the more so the longer the pipeline is:
 * `bench:resp` tells CPU time per request.
 */
import { Lookahead } from "./lookahead.ts";
import type { RespServer } from "./server.ts";
import type { Session } from "./session.ts";

/** A chunk larger than this has a turn with a clock of its own, so that slow requests in it are noticed. */
const SHARED_BYTES = 1_024;
/** Bytes that wait for the end of a round. Policy: they are run at once. */
export const MAX_BATCH_BYTES = 4 * 2 ** 20;

export class TurnBatch {
  readonly #server: RespServer;
  readonly #lookahead: Lookahead;
  readonly #sessions: Session[] = [];
  readonly #chunks: Uint8Array[] = [];
  readonly #done: ((() => void) | undefined)[] = [];
  #bytes = 0;
  #running = false;

  constructor(server: RespServer) {
    this.#server = server;
    this.#lookahead = new Lookahead(server.node.store);
  }

  /**
   * Adds a chunk, whose bytes belong to the batch until it has run; then `done` is called. True if it is the first one:
   * then call `run` soon.
   */
  add(session: Session, chunk: Uint8Array, done?: () => void): boolean {
    this.#chunks.push(chunk);
    this.#done.push(done);
    this.#bytes += chunk.length;
    const isFirst = this.#sessions.push(session) === 1;
    if (this.#bytes > MAX_BATCH_BYTES) this.run();
    return isFirst;
  }

  /**
   * Runs what was added, in order. Does nothing where that is going on already, or within a turn: cutting a connection off
   * may have its adapter report the end, and ask for this, before it returns.
   */
  readonly run = (): void => {
    if (this.#running || this.#server.busy || this.#sessions.length === 0) return;
    const sessions = this.#sessions;
    const chunks = this.#chunks;
    const lookahead = this.#lookahead;
    this.#running = true;
    const { node, timings } = this.#server;
    const { clock } = node.ports;
    const began = clock.monotonic();
    node.beginTurn();
    this.#server.beginBatch();
    let scanned = 0;
    for (let i = 0; i < sessions.length; i++) {
      if (i === scanned) {
        while (scanned < sessions.length && !lookahead.full) lookahead.scan(chunks[scanned++]);
        lookahead.fetch();
      }
      const session = sessions[i];
      try {
        session.receive(chunks[i], chunks[i].length <= SHARED_BYTES);
      } catch (cause) {
        // Nothing a client sends gets here: handlers' failures are answered. One session ends, the others go on.
        session.fail(cause);
      }
    }
    sessions.length = 0;
    chunks.length = 0;
    this.#bytes = 0;
    this.#running = false;
    this.#server.endBatch();
    timings.turns.record((clock.monotonic() - began) * 1e6);
    const done = this.#done;
    for (let i = 0; i < done.length; i++) done[i]?.();
    done.length = 0;
  };
}
