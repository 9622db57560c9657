/**
 * Finds in the log what is for a peer: a stream that goes on somewhere in the past is filled from here, and from a backlog
 * that waits, what must not be late is sent ahead.
 *
 * A record is for the peer if it was when it was stamped, or is now. Limits: `SLICE_RECORDS` are looked at for one stream in
 * one turn, the rest in the next; a quarter of what may be under way is sent ahead between two signs of progress. Policy:
 * what is beyond that waits in its order.
 */
import { RecordKind } from "../core/record.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import type { DestinationList } from "./destination-lists.ts";
import { MessageKind } from "./message.ts";
import { NOWHERE, type OutgoingStream } from "./outgoing-stream.ts";
import type { PeerSender } from "./peers.ts";
import type { LogChunk, RecordLog } from "./record-log.ts";
import { StreamFlag } from "./stream-messages.ts";

const SLICE_RECORDS = 16_384;

export interface BacklogSearchOptions {
  readonly peers: PeerSender;
  readonly destinations: (slot: number, global: boolean) => readonly string[];
  readonly everybody: () => readonly string[];
  readonly config: Pick<ClusterConfig, "maxUnacknowledgedBytes">;
}

export class BacklogSearch {
  readonly #log: RecordLog<DestinationList>;
  readonly #options: BacklogSearchOptions;

  constructor(log: RecordLog<DestinationList>, options: BacklogSearchOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Searches on for the stream if nothing is pending for it; true if something is then. */
  fill(stream: OutgoingStream): boolean {
    if (!stream.pending.isEmpty || stream.searchAt === NOWHERE) return !stream.pending.isEmpty;
    let at = Math.max(stream.searchAt, this.#log.first);
    const end = Math.min(this.#log.end, at + SLICE_RECORDS);
    while (at < end) {
      const chunk = this.#log.chunkOf(at);
      const last = Math.min(end, chunk.end);
      for (; at < last; at++) {
        if (!this.#isFor(stream, chunk, at - chunk.first)) continue;
        if (!stream.pending.add(at)) {
          stream.searchAt = at;
          return true;
        }
      }
    }
    stream.searchAt = at === this.#log.end ? NOWHERE : at;
    return !stream.pending.isEmpty;
  }

  /** True if all of the backlog has been searched for what is sent ahead, or no more of it may be. */
  isAheadDone(stream: OutgoingStream): boolean {
    return stream.aheadAt >= this.#log.end || stream.aheadBytes >= this.#aheadLimit;
  }

  /** Sends what must not be late of what waits for the stream's window. */
  sendAhead(stream: OutgoingStream): void {
    const log = this.#log;
    if (this.isAheadDone(stream)) return;
    let at = Math.max(stream.aheadAt, log.sequenceAfter(stream.sentTo));
    const end = Math.min(log.end, at + SLICE_RECORDS);
    const found: { chunk: LogChunk<DestinationList>; index: number }[] = [];
    for (; at < end && stream.aheadBytes < this.#aheadLimit; at++) {
      const chunk = log.chunkOf(at);
      const index = at - chunk.first;
      if (!isUrgent(chunk.kindOf(index), stream.isHeld) || !this.#isFor(stream, chunk, index)) continue;
      found.push({ chunk, index });
      stream.aheadBytes += chunk.startOf(index + 1) - chunk.startOf(index);
    }
    stream.aheadAt = at;
    if (found.length === 0) return;
    this.#options.peers.send(stream.peer, MessageKind.STREAM, (body) => {
      body.u8(StreamFlag.AHEAD);
      body.u56(stream.sentTo);
      for (const { chunk, index } of found) body.range(chunk.bytes, chunk.startOf(index), chunk.startOf(index + 1));
    });
  }

  get #aheadLimit(): number {
    return this.#options.config.maxUnacknowledgedBytes / 4;
  }

  #isFor(stream: OutgoingStream, chunk: LogChunk<DestinationList>, index: number): boolean {
    const { peers, streams } = chunk.destinations[index];
    if (streams.includes(stream) || peers.includes(stream.peer)) return true;
    // One peer alone was told again what everybody knew.
    if (peers.length === 1 && chunk.kindOf(index) === RecordKind.MARKER) return false;
    const slot = chunk.slotOf(index);
    const { destinations, everybody } = this.#options;
    return (slot < 0 ? everybody() : destinations(slot, chunk.isGlobal(index))).includes(stream.peer);
  }
}

function isUrgent(kind: number, isHeld: boolean): boolean {
  return kind === RecordKind.INVALIDATE || kind === RecordKind.FLUSH || (isHeld && kind === RecordKind.DELETE);
}
