/**
 * This node's stream to each peer: records in the order of their stamps, each to its destinations, until they are
 * acknowledged.
 *
 * A record is put into the log (record-log.ts) with its destinations of that moment, and its sequence into what is pending
 * for each of them. At the end of the turn what is pending for a peer goes as one STREAM message, which names the stamp
 * before its first record on that stream. Acknowledgements are cumulative. What got lost shows as a gap at the peer, which
 * asks for everything behind its position (RESUME), or as an acknowledgement that does not move for a few round trips; then
 * the stream goes back there, and the log is searched for what was for the peer when it was stamped or is now.
 *
 * Heartbeats are records in the stream's order, but not in the log: each says that everything before it was sent, so it goes
 * only to a peer for which nothing is pending. Markers are in the log, for everybody, and the latest ones are told again to a
 * peer whose stream was opened or truncated.
 *
 * What waits in a backlog can be late: invalidations of it are sent ahead, and again in their order; to a peer that holds the
 * stream also deletes.
 *
 * The host of this part appends everything that was stamped before it calls `endTurn`: heartbeats and markers are stamped
 * there, and nothing below them may follow.
 *
 * Limits: `MAX_STREAMS`; the log (`maxLogBytes`); bytes under way to a peer (`maxUnacknowledgedBytes`), then the rest waits in the log; the
 * part of it that is sent ahead. A peer that needs what the log has dropped is told TRUNCATED.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { encodeText } from "../core/bytes.ts";
import type { Clock } from "../core/ports.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import { encodeRecord } from "../core/record-codec.ts";
import { BacklogSearch } from "./backlog-search.ts";
import { Beats } from "./beats.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { type DestinationList, DestinationLists } from "./destination-lists.ts";
import { MessageKind } from "./message.ts";
import { NOWHERE, OutgoingStream } from "./outgoing-stream.ts";
import type { PeerSender } from "./peers.ts";
import { RecordLog } from "./record-log.ts";
import { readAcknowledgement, readResumption, StreamFlag, writeTruncation } from "./stream-messages.ts";
import { writePending } from "./write-pending.ts";

/** Beyond so many streams those of members that are gone are forgotten at once: when they are back they may have to sync. */
const MAX_STREAMS = 2_000;

export interface OutgoingStreamsOptions {
  /** This life of this node. */
  readonly origin: number;
  readonly peers: PeerSender;
  /** Ids of those that a record of the slot is for now; this node may be among them. The same array until that changes. */
  readonly destinations: (slot: number, global: boolean) => readonly string[];
  /** Ids of all live members; the same array until that changes. */
  readonly everybody: () => readonly string[];
  readonly config: Pick<ClusterConfig, "id" | "heartbeatMs" | "maxLogBytes" | "maxUnacknowledgedBytes">;
  readonly clock: Clock;
  /** Stamps: a version above all before. */
  readonly stampNow: () => number;
  /** What heartbeats say, see stability.ts. */
  readonly low: () => number;
  /** `acknowledged(peer)` has risen. */
  readonly onAcknowledged: (peer: string) => void;
}

export class OutgoingStreams {
  readonly #options: OutgoingStreamsOptions;
  readonly #streams = new Map<string, OutgoingStream>();
  readonly #lists: DestinationLists;
  readonly #log: RecordLog<DestinationList>;
  readonly #search: BacklogSearch;
  #due: OutgoingStream[] = [];
  /** The latest marker of each region, and those that are yet to be sent. */
  readonly #rings = new Map<string, number>();
  readonly #newRings = new Set<string>();
  readonly #record = new MutableRecord();
  readonly #encoded = new ByteWriter(64);
  #everybody: readonly string[] = [];
  /** The highest version that may have been sent. */
  #highest = 0;
  readonly #beats: Beats;

  constructor(options: OutgoingStreamsOptions) {
    this.#options = options;
    this.#lists = new DestinationLists((peer) => (peer === options.config.id ? undefined : this.#streamOf(peer)));
    this.#log = new RecordLog(options.config.maxLogBytes, (list, version) => {
      for (const stream of list.streams) stream.droppedTo = version;
    });
    this.#search = new BacklogSearch(this.#log, options);
    this.#beats = new Beats(options.config.heartbeatMs);
  }

  /** Bytes that the log allocates. */
  get logBytes(): number {
    return this.#log.allocatedBytes;
  }

  /**
   * Adds an encoded, sealed record; it is copied.
   *
   * @param version its stamp, above all before
   * @param slot -1 if it is for every live member
   */
  append(bytes: Uint8Array, start: number, end: number, version: number, slot: number, global: boolean): void {
    const { destinations, everybody } = this.#options;
    this.#append(bytes, start, end, version, slot, global, slot < 0 ? everybody() : destinations(slot, global));
  }

  /** A ring was adopted: a MARKER goes into all streams at the end of the turn, behind what was appended before. */
  mark(region: string, ring: number): void {
    this.#rings.set(region, ring);
    this.#newRings.add(region);
  }

  /** The ring that this node's stream is routed by, undefined if none was adopted. */
  ringOf(region: string): number | undefined {
    return this.#rings.get(region);
  }

  /**
   * A peer's hello said where to go on; it is told TRUNCATED if the log does not reach back.
   *
   * @param origin the peer's life
   * @param watermark how far it has applied this node's stream
   * @throws {ReadError} if nothing was stamped as late as the watermark
   */
  open(peer: string, origin: number, watermark: number): void {
    this.#checkPosition(watermark);
    this.#observe();
    const stream = this.#streamOf(peer);
    if (stream.life !== origin) stream.acknowledged = 0;
    stream.life = origin;
    stream.isOpen = true;
    stream.isHeld = false;
    stream.needsMarkers = true;
    stream.position = watermark;
    this.#goBack(stream, watermark);
    this.#acknowledge(stream, watermark);
  }

  /** The link is lost. */
  close(peer: string): void {
    this.#streams.get(peer)?.close(this.#options.clock.monotonic());
  }

  /** Up to where the peer has applied everything of this stream that was for it; 0 if that is not known of this life of it. */
  acknowledged(peer: string): number {
    return this.#streams.get(peer)?.acknowledged ?? 0;
  }

  /** Bytes under way to the peer. */
  unacknowledgedBytes(peer: string): number {
    return this.#streams.get(peer)?.window.bytes ?? 0;
  }

  isHeldBy(peer: string): boolean {
    return this.#streams.get(peer)?.isHeld ?? false;
  }

  /** True if more than half of the other live members hold this node's stream. */
  get heldByMost(): boolean {
    let [others, holding] = [0, 0];
    for (const peer of this.#options.everybody()) {
      if (peer === this.#options.config.id) continue;
      others++;
      if (this.isHeldBy(peer)) holding++;
    }
    return 2 * holding > others;
  }

  /** @throws {ReadError} if the body is not what its kind demands */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind === MessageKind.ACKNOWLEDGE) this.#receiveAcknowledgement(peer, body);
    else if (kind === MessageKind.RESUME) this.#receiveResumption(peer, body);
  }

  /** True if heartbeats go out at the end of this turn: the moment for `IncomingStreams.acknowledgeAll`, to `beatsFor`. */
  tick(): boolean {
    const monotonicMs = this.#options.clock.monotonic();
    this.#observe();
    const longestBeatMs = this.#beats.longestMs(this.#streams.size);
    for (const stream of this.#streams.values()) {
      if (!stream.isOverdue(monotonicMs, longestBeatMs)) continue;
      this.#goBack(stream, stream.position);
      stream.window.timedOut();
    }
    return this.#beats.tick(monotonicMs, this.#streams, this.#log.lastVersion, this.#options.low);
  }

  /** True if the peer is told a heartbeat at this beat, and what was received of it. */
  beatsFor(peer: string): boolean {
    return this.#streams.get(peer)?.isBeatDue ?? true;
  }

  /** Sends what the turn has brought. Everything that was stamped has been appended. */
  endTurn(): void {
    this.#observe();
    this.#sendMarkers();
    const due = this.#due;
    this.#due = [];
    for (const stream of due) {
      stream.isDue = false;
      this.#flush(stream);
    }
    if (this.#beats.isDue) this.#sendHeartbeats();
  }

  #receiveAcknowledgement(peer: string, body: ByteReader): void {
    const said = readAcknowledgement(body);
    this.#checkPosition(said.position);
    const stream = this.#concerned(peer, said);
    if (stream === undefined) return;
    const monotonicMs = this.#options.clock.monotonic();
    if (said.held !== stream.isHeld) {
      stream.isHeld = said.held;
      stream.aheadAt = 0;
      this.#setDue(stream);
    }
    if (said.position > stream.position) {
      stream.position = said.position;
      stream.aheadBytes = 0;
      // Above `sentTo` is what was under way when the stream went back.
      if (said.position > stream.sentTo) this.#goBack(stream, said.position);
      else stream.window.acknowledged(said.position, monotonicMs);
      if (!stream.isDrained) this.#setDue(stream);
    }
    this.#acknowledge(stream, said.watermark);
  }

  #receiveResumption(peer: string, body: ByteReader): void {
    const said = readResumption(body);
    this.#checkPosition(said.position);
    const stream = this.#concerned(peer, said);
    // The peer has said since that it is further.
    if (stream === undefined || said.position < stream.position) return;
    stream.position = said.position;
    this.#goBack(stream, said.position);
  }

  /** The open stream that the peer means, if this life of it means this life of ours. */
  #concerned(peer: string, said: { readonly origin: number; readonly life: number }): OutgoingStream | undefined {
    const stream = this.#streams.get(peer);
    const isConcerned = stream?.isOpen && said.origin === this.#options.origin && said.life === stream.life;
    return isConcerned ? stream : undefined;
  }

  #checkPosition(version: number): void {
    if (version > this.#highest) throw new ReadError(`a position of ${version}, where nothing was stamped so late`);
  }

  #acknowledge(stream: OutgoingStream, watermark: number): void {
    if (watermark <= stream.acknowledged) return;
    stream.acknowledged = watermark;
    this.#options.onAcknowledged(stream.peer);
  }

  #streamOf(peer: string): OutgoingStream {
    let stream = this.#streams.get(peer);
    if (stream === undefined) {
      const { config } = this.#options;
      stream = new OutgoingStream(peer, config.maxUnacknowledgedBytes, this.#log.lastVersion);
      this.#streams.set(peer, stream);
      stream.isPresent = this.#everybody.includes(peer);
    }
    return stream;
  }

  /** Looks who of the peers is a live member; who is gone, and would have to sync anyway, is forgotten. */
  #observe(): void {
    const everybody = this.#options.everybody();
    if (everybody === this.#everybody) return;
    this.#everybody = everybody;
    const present = new Set(everybody);
    const { lastVersion, droppedTo } = this.#log;
    let forgotten = false;
    for (const stream of this.#streams.values()) {
      stream.setPresent(present.has(stream.peer), lastVersion);
      if (stream.isPresent || stream.isOpen) continue;
      if (stream.position >= droppedTo && this.#streams.size <= MAX_STREAMS) continue;
      this.#streams.delete(stream.peer);
      forgotten = true;
    }
    if (forgotten) this.#lists.clear();
  }

  #setDue(stream: OutgoingStream): void {
    if (stream.isDue) return;
    stream.isDue = true;
    this.#due.push(stream);
  }

  #append(
    bytes: Uint8Array,
    start: number,
    end: number,
    version: number,
    slot: number,
    global: boolean,
    destinations: readonly string[],
  ): void {
    this.#highest = Math.max(this.#highest, version);
    const list = this.#lists.of(destinations);
    if (list.streams.length === 0) {
      this.#log.skip(version);
      return;
    }
    const sequence = this.#log.append(bytes, start, end, version, slot, global, list);
    for (const stream of list.streams) {
      stream.add(sequence);
      if (stream.isOpen && !stream.isDue) this.#setDue(stream);
    }
  }

  /** Sends everything behind `position` again, or says that it cannot. */
  #goBack(stream: OutgoingStream, position: number): void {
    if (stream.isTruncated(position, this.#log.droppedTo)) this.#truncate(stream, position);
    else stream.goOn(position, this.#log.sequenceAfter(position), this.#options.clock.monotonic());
    this.#setDue(stream);
  }

  #truncate(stream: OutgoingStream, asked: number): void {
    const { clock, origin, peers } = this.#options;
    // Not a new stamp: what this turn has stamped already may not be appended yet.
    const now = this.#log.lastVersion;
    const said = { origin, life: stream.life, asked, now };
    peers.send(stream.peer, MessageKind.TRUNCATED, (body) => writeTruncation(body, said));
    stream.goOn(now, NOWHERE, clock.monotonic());
    stream.needsMarkers = true;
    this.#setDue(stream);
  }

  #sendMarkers(): void {
    for (const stream of this.#due) {
      if (!stream.needsMarkers) continue;
      stream.needsMarkers = false;
      // Those that are new go to everybody anyway.
      for (const [region, ring] of this.#rings) {
        if (!this.#newRings.has(region)) this.#appendMarker(region, ring, [stream.peer]);
      }
    }
    for (const region of this.#newRings) {
      this.#appendMarker(region, this.#rings.get(region) ?? 0, this.#options.everybody());
    }
    this.#newRings.clear();
  }

  #appendMarker(region: string, ring: number, destinations: readonly string[]): void {
    const record = this.#record;
    record.stamp(RecordKind.MARKER, this.#options.stampNow(), this.#options.origin);
    record.ring = ring;
    const name = encodeText(region);
    record.setKey(name, 0, name.length);
    const { bytes, length } = this.#encode(record);
    this.#append(bytes, 0, length, record.version, -1, false, destinations);
  }

  #encode(record: MutableRecord): ByteWriter {
    this.#encoded.clear();
    encodeRecord(record, this.#encoded);
    return this.#encoded;
  }

  /** Sends what is pending, as far as it may be under way. */
  #flush(stream: OutgoingStream): void {
    if (!stream.isOpen) return;
    const oldest = stream.pending.isEmpty ? stream.searchAt : stream.pending.first;
    const isBehind = oldest !== NOWHERE && oldest < this.#log.first;
    if (isBehind && stream.isTruncated(stream.sentTo, this.#log.droppedTo)) {
      this.#truncate(stream, stream.sentTo);
      return;
    }
    const { clock, peers } = this.#options;
    const write = (body: ByteWriter) => writePending(stream, this.#log, body, clock.monotonic());
    while (!stream.window.isFull && this.#search.fill(stream)) {
      if (!peers.send(stream.peer, MessageKind.STREAM, write)) return;
    }
    if (stream.isDrained) return;
    this.#search.sendAhead(stream);
    // A search that was cut short goes on in the next turn.
    if (!stream.window.isFull || !this.#search.isAheadDone(stream)) this.#setDue(stream);
  }

  #sendHeartbeats(): void {
    this.#beats.isDue = false;
    const record = this.#record;
    record.stamp(RecordKind.HEARTBEAT, this.#options.stampNow(), this.#options.origin);
    record.low = this.#options.low();
    this.#highest = record.version;
    const { bytes, length } = this.#encode(record);
    for (const stream of this.#streams.values()) {
      if (!stream.isOpen || !stream.isDrained || !stream.isBeatDue) continue;
      const previous = stream.sentTo;
      const isSent = this.#options.peers.send(stream.peer, MessageKind.STREAM, (body) => {
        body.u8(StreamFlag.IN_ORDER);
        body.u56(previous);
        body.range(bytes, 0, length);
      });
      if (isSent) stream.sentTo = record.version;
    }
  }
}
