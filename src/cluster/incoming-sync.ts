/**
 * One sync or pull as its target sees it: chunks are applied in order, each once, and acknowledged.
 *
 * What arrives out of order is dropped, and comes again. A chunk of another run than the first one means that the source
 * began anew without being asked to (or an old request reached it late): then the attempt is over. A chunk is applied as a
 * whole or the body was wrong.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import { decodeRecord } from "../core/record-codec.ts";
import { RecordError } from "../core/record-error.ts";
import {
  readEnd,
  readHead,
  readPlace,
  type SyncEnd,
  type SyncHead,
  type SyncRequest,
  SyncRole,
} from "./sync-messages.ts";

/** What became of a message. */
export const Progress = {
  /** It was not in turn: what has been received is acknowledged again. */
  NONE: 0,
  APPLIED: 1,
  /** The first chunk; the head is known now. */
  BEGUN: 2,
  ENDED: 3,
  /** It belongs to another run: the attempt is over. */
  STRANGE: 4,
} as const;
export type Progress = (typeof Progress)[keyof typeof Progress];

export interface IncomingSyncSink {
  /** Is given each record with its role: scratch, valid during the call. */
  apply(record: MutableRecord, role: SyncRole): void;
}

export class IncomingSync {
  readonly peer: string;
  request: SyncRequest;
  /** From the source, 0 before the first chunk. */
  run = 0;
  /** Chunks that were applied, in order from 1. */
  received = 0;
  head: SyncHead | undefined;
  end: SyncEnd | undefined;
  /** By the monotonic clock. */
  sentMs = 0;
  heardMs: number;
  bytes = 0;
  /** Of the source's walk, 0 to 65,535. */
  share = 0;
  readonly #record = new MutableRecord();

  constructor(peer: string, request: SyncRequest, nowMs: number) {
    this.peer = peer;
    this.request = request;
    this.heardMs = nowMs;
  }

  /** A SYNC_DATA for it; `head` may be looked at by `sink` already. */
  data(body: ByteReader, sink: IncomingSyncSink): Progress {
    const place = readPlace(body);
    const share = body.u16();
    if (!this.#fits(place.run)) return Progress.STRANGE;
    if (place.number !== this.received + 1) return Progress.NONE;
    this.bytes += body.left;
    this.share = share;
    const isFirst = place.number === 1;
    if (isFirst) this.head = readHead(body);
    this.run = place.run;
    while (body.left > 0) {
      const role = body.u8();
      if (role !== SyncRole.CHANGE && role !== SyncRole.ENTRY) throw new ReadError(`role ${role} in a sync`);
      body.at = this.#read(body);
      const isEntry = this.#record.kind === RecordKind.SET || this.#record.kind === RecordKind.FILL;
      if (role === SyncRole.ENTRY && !isEntry) throw new ReadError("what is no entry has the role of one");
      sink.apply(this.#record, role);
    }
    this.received++;
    return isFirst ? Progress.BEGUN : Progress.APPLIED;
  }

  /** A SYNC_END for it. */
  finish(body: ByteReader): Progress {
    const place = readPlace(body);
    if (!this.#fits(place.run)) return Progress.STRANGE;
    if (place.number !== this.received + 1 || this.head === undefined) return Progress.NONE;
    this.bytes += body.left;
    this.end = readEnd(body);
    this.received++;
    return Progress.ENDED;
  }

  #fits(run: number): boolean {
    return this.received === 0 || run === this.run;
  }

  #read(body: ByteReader): number {
    try {
      return decodeRecord(body.bytes, body.at, body.end, this.#record);
    } catch (error) {
      if (error instanceof RecordError) throw new ReadError(`a record in a sync: ${error.message}`);
      throw error;
    }
  }
}
