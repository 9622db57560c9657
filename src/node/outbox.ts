/**
 * The outbox: what a turn of the node leaves to be done by its host. Each record is encoded once; the same bytes go to
 * the journal and to every peer. The host takes everything once per turn, in this order: persist, then send, then
 * release the replies that waited (those of `fsync: always`).
 *
 * Where there is neither journal nor peer nothing is encoded at all. Limit: a turn that would leave more than
 * `MAX_OUTBOX_BYTES` makes the outbox say `full`, and the node refuses further writes until the host has taken it.
 */
import { ByteWriter } from "../core/byte-writer.ts";
import type { MutableRecord } from "../core/record.ts";
import { encodeRecord } from "../core/record-codec.ts";

export const MAX_OUTBOX_BYTES = 64 * 2 ** 20;

export interface OutboxBatch {
  /** Encoded records for the journal, empty if there are none or no journal. Owned by the taker. */
  readonly journal: Uint8Array;
  /** One frame for each peer, with the same records. Owned by the taker. */
  readonly frames: readonly { readonly peer: string; readonly frame: Uint8Array }[];
}

const NOTHING = new Uint8Array(0);

export class Outbox {
  readonly #records = new ByteWriter(1_024, 2 * MAX_OUTBOX_BYTES);
  readonly #peers = new Set<string>();
  /** True if records are to be journaled. */
  journaling = false;

  /** True if somebody wants the records. */
  get wanted(): boolean {
    return this.journaling || this.#peers.size > 0;
  }

  get empty(): boolean {
    return this.#records.length === 0;
  }

  get full(): boolean {
    return this.#records.length >= MAX_OUTBOX_BYTES;
  }

  get peers(): ReadonlySet<string> {
    return this.#peers;
  }

  addPeer(peer: string): void {
    this.#peers.add(peer);
  }

  removePeer(peer: string): void {
    this.#peers.delete(peer);
  }

  /** Encodes a record that was applied. */
  append(record: MutableRecord): void {
    encodeRecord(record, this.#records);
  }

  /** Everything since the last call. */
  take(): OutboxBatch {
    const bytes = this.#records.length === 0 ? NOTHING : this.#records.bytes.slice(0, this.#records.length);
    this.#records.clear();
    const frames = bytes.length === 0 ? [] : [...this.#peers].map((peer) => ({ peer, frame: bytes }));
    return { journal: this.journaling ? bytes : NOTHING, frames };
  }
}
