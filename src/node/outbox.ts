/**
 * The outbox: what a turn of the node leaves to be done by its host. Each record is encoded once; the same bytes go to
 * the journal and to every peer. The host takes everything once per turn, in this order: persist, then send, then
 * release the replies that waited (those of `fsync: always`).
 *
 * Where there is neither journal nor peer nothing is encoded at all. Records are counted while they are encoded, and
 * their checksums left out: the journal needs them only in storage, which has a thread of its own, and for peers they are
 * filled in when frames are made. Limit: a turn that would leave more than `MAX_OUTBOX_BYTES` makes the outbox say `full`,
 * and the node refuses further writes until the host has taken it.
 */
import type { MutableRecord } from "../core/record.ts";
import { sealRecords } from "../core/record-seal.ts";
import { RecordBatch } from "../journal/record-batch.ts";

export const MAX_OUTBOX_BYTES = 64 * 2 ** 20;
const FIRST_BYTES = 1_024;
/** A buffer that grew beyond this in one turn is not kept for the next. */
const KEPT_BYTES = 2 ** 20;

/** One frame for each peer, with the same records. Owned by the taker. */
export interface PeerFrame {
  readonly peer: string;
  readonly frame: Uint8Array;
}

/** Takes records for the journal: copies what it wants to keep. */
export interface RecordSink {
  add(batch: RecordBatch): void;
}

const NO_FRAMES: readonly PeerFrame[] = [];

export class Outbox {
  #records = new RecordBatch(FIRST_BYTES, 2 * MAX_OUTBOX_BYTES);
  /** Peers' records, for the journal alone. */
  #received = new RecordBatch(FIRST_BYTES);
  readonly #peers = new Set<string>();
  #streamed: Uint8Array | undefined;
  /** True if records are to be journaled. */
  journaling = false;
  /** True if own records go to the streams of a cluster. */
  streaming = false;

  /** True if somebody wants the records. */
  get wanted(): boolean {
    return this.journaling || this.hasPeers;
  }

  /** True if other nodes send and are sent records. */
  get hasPeers(): boolean {
    return this.streaming || this.#peers.size > 0;
  }

  /** Bytes of all records in it. */
  get length(): number {
    return this.#records.length + this.#received.length;
  }

  get empty(): boolean {
    return this.length === 0;
  }

  /** Bytes of its buffers. */
  get allocatedBytes(): number {
    return this.#records.writer.bytes.length + this.#received.writer.bytes.length;
  }

  get full(): boolean {
    return this.length >= MAX_OUTBOX_BYTES;
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
    this.#records.append(record);
  }

  /** Encodes a peer's record that was applied: for the journal, not for other peers. */
  journal(record: MutableRecord): void {
    this.#received.append(record);
  }

  /**
   * Everything since the last call: the records go to `journal`, if any are journaled, those that were received first,
   * because own ones may build on them; the frames are returned.
   */
  take(journal?: RecordSink): readonly PeerFrame[] {
    if (this.journaling && journal !== undefined) {
      if (this.#received.count > 0) journal.add(this.#received);
      if (this.#records.count > 0) journal.add(this.#records);
    }
    this.#streamed = this.streaming && this.#records.count > 0 ? this.#sealed() : undefined;
    const frames = this.#peers.size === 0 || this.#records.count === 0 ? NO_FRAMES : this.#frames();
    this.#received = emptied(this.#received);
    this.#records = emptied(this.#records, 2 * MAX_OUTBOX_BYTES);
    return frames;
  }

  /** Own records of the last `take`, sealed, for the streams; undefined if there were none. Given once. */
  takeStreamed(): Uint8Array | undefined {
    const streamed = this.#streamed;
    this.#streamed = undefined;
    return streamed;
  }

  #frames(): PeerFrame[] {
    const frame = this.#streamed ?? this.#sealed();
    return [...this.#peers].map((peer) => ({ peer, frame }));
  }

  #sealed(): Uint8Array {
    const sealed = this.#records.writer.take();
    sealRecords(sealed, 0, sealed.length);
    return sealed;
  }
}

function emptied(batch: RecordBatch, limitBytes?: number): RecordBatch {
  if (batch.writer.bytes.length > KEPT_BYTES) return new RecordBatch(FIRST_BYTES, limitBytes);
  batch.clear();
  return batch;
}
