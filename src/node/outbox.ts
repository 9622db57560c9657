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
const FIRST_BYTES = 1_024;
/** A buffer that grew beyond this in one turn is not kept for the next. */
const KEPT_BYTES = 2 ** 20;

export interface OutboxBatch {
  /** Encoded records for the journal, empty if there are none or no journal. Owned by the taker. */
  readonly journal: Uint8Array;
  /** One frame for each peer, with the same records. Owned by the taker. */
  readonly frames: readonly { readonly peer: string; readonly frame: Uint8Array }[];
}

const NOTHING = new Uint8Array(0);

export class Outbox {
  #records = new ByteWriter(FIRST_BYTES, 2 * MAX_OUTBOX_BYTES);
  /** Peers' records, for the journal alone. */
  #received = new ByteWriter(FIRST_BYTES);
  readonly #peers = new Set<string>();
  /** True if records are to be journaled. */
  journaling = false;

  /** True if somebody wants the records. */
  get wanted(): boolean {
    return this.journaling || this.#peers.size > 0;
  }

  get empty(): boolean {
    return this.#records.length + this.#received.length === 0;
  }

  /** Bytes of its buffers. */
  get allocatedBytes(): number {
    return this.#records.bytes.length + this.#received.bytes.length;
  }

  get full(): boolean {
    return this.#records.length + this.#received.length >= MAX_OUTBOX_BYTES;
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

  /** Encodes a peer's record that was applied: for the journal, not for other peers. */
  journal(record: MutableRecord): void {
    encodeRecord(record, this.#received);
  }

  /** Everything since the last call. What was received comes first in the journal: own records may build on it. */
  take(): OutboxBatch {
    const own = this.#records.length === 0 ? NOTHING : this.#records.take();
    if (this.#records.bytes.length > KEPT_BYTES) this.#records = new ByteWriter(FIRST_BYTES, 2 * MAX_OUTBOX_BYTES);
    const frames = own.length === 0 ? [] : [...this.#peers].map((peer) => ({ peer, frame: own }));
    if (this.journaling) return { journal: this.#takeJournal(own), frames };
    this.#received.clear();
    return { journal: NOTHING, frames };
  }

  /** In bytes of its own where frames share those of the records: who takes the journal may give its buffer away. */
  #takeJournal(own: Uint8Array): Uint8Array {
    if (this.#received.length === 0) return this.#peers.size === 0 ? own : own.slice();
    this.#received.range(own, 0, own.length);
    const journal = this.#received.take();
    if (this.#received.bytes.length > KEPT_BYTES) this.#received = new ByteWriter(FIRST_BYTES);
    return journal;
  }
}
