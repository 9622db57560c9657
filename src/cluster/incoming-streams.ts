/**
 * The streams of all peers, as they arrive: each record is applied once, in the order of its stamp, and nothing behind a gap.
 *
 * A stream has a position, which is the origin's watermark while nothing is missing. A STREAM message names the stamp before
 * its first record: if that is above the position something is lost, nothing is applied, and the peer is asked to go on from
 * the position (RESUME), once; if that gets lost too, the peer sees that no acknowledgement comes. What is at or below the
 * position is skipped. A peer whose log does not reach back says TRUNCATED: the stream goes on behind its `now`, while the
 * watermark stays where it was, until whoever pulls what is missing has raised it to that `now` or above.
 *
 * A stream is held while the peer's clock is too far off: nothing is applied and the position stays, except that its
 * invalidations and deletes are handed to `applyHeld`, each once. When the clocks have come together the peer is asked to go
 * on from the position.
 *
 * Invalidations can be sent ahead of their order; they are applied at once, and skipped when their turn comes. Limit:
 * `MAX_AHEAD` of them; policy: the others wait for their turn. One state is kept for each peer, until `forget`.
 *
 * A peer may send records of its own life only, live ones, in rising order: everything else is a `ReadError`, and nothing
 * from there on is applied.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import { decodeText } from "../core/bytes.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import { decodeRecord } from "../core/record-codec.ts";
import { RecordError } from "../core/record-error.ts";
import { VERSIONS_PER_MS } from "../core/version.ts";
import { IncomingStream, NOT_ASKED } from "./incoming-stream.ts";
import { MAX_NAME_BYTES, MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";
import { readTruncation, StreamFlag, writeAcknowledgement, writeResumption } from "./stream-messages.ts";
import type { Watermarks } from "./watermarks.ts";

export interface IncomingStreamsOptions {
  /** This life of this node. */
  readonly origin: number;
  readonly watermarks: Watermarks;
  readonly peers: PeerSender;
  /** The peer's life that its hello told, undefined before: what arrives until then is dropped. */
  readonly originOf: (peer: string) => number | undefined;
  /** True if the peer's clock, or this version of it, is too far off. */
  readonly isSkewed: (peer: string, version: number) => boolean;
  /** Applies a record; it is scratch, and points into the message. */
  readonly apply: (record: MutableRecord) => void;
  /** The same of an invalidation or delete of a held stream, under a stamp of this node. */
  readonly applyHeld: (record: MutableRecord) => void;
  /** In the stream's order, when the watermark has come to the marker. */
  readonly onMarker: (origin: number, region: string, ring: number) => void;
  readonly onHeartbeat: (peer: string, record: MutableRecord) => void;
  /** All records of `origin` above its watermark and up to `now` have to be pulled. */
  readonly onTruncated: (peer: string, origin: number, now: number) => void;
}

export class IncomingStreams {
  readonly #options: IncomingStreamsOptions;
  readonly #streams = new Map<string, IncomingStream>();
  readonly #record = new MutableRecord();
  #due: IncomingStream[] = [];

  constructor(options: IncomingStreamsOptions) {
    this.#options = options;
  }

  /** The next hello of each peer counts for `caughtUp`, not the first one. */
  awaitGreetings(): void {
    for (const stream of this.#streams.values()) stream.greetedNow = 0;
  }

  /** The peer's hello said that its life is `origin` and its `now` this. The first one of a life counts, for `caughtUp`. */
  greeted(peer: string, origin: number, now: number): void {
    const stream = this.#streamOf(peer, origin);
    if (stream.greetedNow === 0) stream.greetedNow = now;
  }

  /** @throws {ReadError} if the body is not what its kind demands; what came before the mistake is applied */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind !== MessageKind.STREAM && kind !== MessageKind.TRUNCATED) return;
    const origin = this.#options.originOf(peer);
    if (origin === undefined) return;
    const stream = this.#streamOf(peer, origin);
    this.#settle(stream);
    if (kind === MessageKind.TRUNCATED) return this.#receiveTruncation(stream, body);
    const flag = body.u8();
    const previous = body.u56();
    if (body.left === 0) throw new ReadError("a stream's message without a record");
    if (flag === StreamFlag.AHEAD) return this.#receiveAhead(stream, body);
    if (flag !== StreamFlag.IN_ORDER) throw new ReadError(`a stream's flag of ${flag}`);
    this.#reconsider(stream);
    if (previous > stream.position && !stream.isHeld) return this.#ask(stream);
    try {
      this.#receiveRecords(stream, previous, body);
    } finally {
      this.#settle(stream);
    }
  }

  /** To be called at each tick: takes up streams that were held, and sees when a gap has been pulled. */
  tick(): void {
    for (const stream of this.#streams.values()) {
      if (stream.missingTo !== 0) this.#settle(stream);
      if (stream.isHeld && this.#reconsider(stream)) this.#ask(stream);
    }
  }

  /** With the own heartbeats: tells those who get one at the end of the turn how far their streams have come. */
  acknowledgeAll(beatsFor: (peer: string) => boolean = () => true): void {
    for (const stream of this.#streams.values()) if (beatsFor(stream.peer)) this.#setDue(stream);
  }

  /** Sends acknowledgements: one to each peer from which something but heartbeats came in this turn. */
  endTurn(): void {
    const { origin: life, peers, watermarks } = this.#options;
    const due = this.#due;
    this.#due = [];
    for (const stream of due) {
      stream.isDue = false;
      this.#settle(stream);
      const { peer, origin, position, isHeld: held } = stream;
      const watermark = Math.min(position, watermarks.of(origin));
      peers.send(peer, MessageKind.ACKNOWLEDGE, (body) =>
        writeAcknowledgement(body, { origin, life, position, watermark, held }),
      );
    }
  }

  /** The link is lost. What is known of the stream stays. */
  close(peer: string): void {
    const stream = this.#streams.get(peer);
    if (stream !== undefined) stream.asked = NOT_ASKED;
  }

  /** The peer is no member any more. */
  forget(peer: string): void {
    this.#streams.delete(peer);
  }

  /** True if everything has been applied that the peer had stamped when its life said hello for the first time. */
  caughtUp(peer: string): boolean {
    const stream = this.#streams.get(peer);
    if (stream === undefined || stream.greetedNow === 0) return false;
    return this.#options.watermarks.of(stream.origin) >= stream.greetedNow;
  }

  /** How far a life's stream has come, whatever is missing before that; 0 if there is none. */
  positionOf(origin: number): number {
    for (const stream of this.#streams.values()) if (stream.origin === origin) return stream.position;
    return 0;
  }

  /** True while the peer's stream is held. */
  holds(peer: string): boolean {
    return this.#streams.get(peer)?.isHeld ?? false;
  }

  #streamOf(peer: string, origin: number): IncomingStream {
    let stream = this.#streams.get(peer);
    if (stream?.origin !== origin) {
      stream = new IncomingStream(peer, origin, this.#options.watermarks.of(origin));
      this.#streams.set(peer, stream);
    }
    return stream;
  }

  #setDue(stream: IncomingStream): void {
    if (stream.isDue) return;
    stream.isDue = true;
    this.#due.push(stream);
  }

  /** Brings position and watermark together, unless something is missing between them. */
  #settle(stream: IncomingStream): void {
    const { watermarks } = this.#options;
    const watermark = watermarks.of(stream.origin);
    if (stream.missingTo !== 0 && watermark >= stream.missingTo) {
      stream.missingTo = 0;
      this.#setDue(stream);
    }
    if (stream.position < watermark) stream.position = watermark;
    else if (stream.missingTo === 0) watermarks.raise(stream.origin, stream.position);
    stream.forgetAhead();
  }

  /** True if the stream was held and is not any more. */
  #reconsider(stream: IncomingStream): boolean {
    if (!stream.isHeld || this.#options.isSkewed(stream.peer, stream.heldAt)) return false;
    stream.isHeld = false;
    stream.asked = NOT_ASKED;
    this.#setDue(stream);
    return true;
  }

  #hold(stream: IncomingStream, version: number): void {
    stream.isHeld = true;
    stream.heldAt = version;
    this.#setDue(stream);
  }

  /** Asks for everything behind the position; once, because much may still be under way that shows the same gap. */
  #ask(stream: IncomingStream): void {
    this.#setDue(stream);
    const { peer, origin, position } = stream;
    if (stream.asked === position) return;
    const { origin: life, peers } = this.#options;
    const isSent = peers.send(peer, MessageKind.RESUME, (body) => writeResumption(body, { origin, life, position }));
    if (isSent) stream.asked = position;
  }

  /** Reads the next record of the stream into `#record`; it must be above `last`. */
  #read(stream: IncomingStream, body: ByteReader, last: number): MutableRecord {
    const record = this.#record;
    try {
      body.at = decodeRecord(body.bytes, body.at, body.end, record);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      throw new ReadError(error.message);
    }
    const { origin, kind, version } = record;
    if (origin !== stream.origin) throw new ReadError(`a record of ${origin} on the stream of ${stream.origin}`);
    if (version <= last) throw new ReadError(`a record of ${version} behind one of ${last}`);
    if (!isLiveKind(kind) || record.applied !== 0) throw new ReadError("a record that is no live one");
    return record;
  }

  #receiveRecords(stream: IncomingStream, previous: number, body: ByteReader): void {
    const { isSkewed } = this.#options;
    let last = previous;
    // Versions of one ms are as far off as each other.
    let checkedTo = 0;
    while (body.left > 0) {
      const record = this.#read(stream, body, last);
      last = record.version;
      if (record.kind !== RecordKind.HEARTBEAT) this.#setDue(stream);
      if (last <= stream.position) continue;
      if (!stream.isHeld && last > checkedTo) {
        checkedTo = last + VERSIONS_PER_MS - 1 - (last % VERSIONS_PER_MS);
        if (isSkewed(stream.peer, last)) this.#hold(stream, last);
      }
      if (stream.isHeld) this.#applyHeld(stream, record);
      else this.#apply(stream, record);
    }
  }

  #apply(stream: IncomingStream, record: MutableRecord): void {
    const { version } = record;
    if (record.kind === RecordKind.HEARTBEAT || record.kind === RecordKind.MARKER) {
      stream.position = version;
      this.#settle(stream);
      if (record.kind === RecordKind.HEARTBEAT) this.#options.onHeartbeat(stream.peer, record);
      else this.#applyMarker(stream, record);
      return;
    }
    if (!stream.takeAhead(version)) this.#options.apply(record);
    stream.position = version;
  }

  #applyMarker(stream: IncomingStream, record: MutableRecord): void {
    if (record.keyBytes > MAX_NAME_BYTES) throw new ReadError(`a region's name of ${record.keyBytes} bytes`);
    const region = decodeText(record.key, record.keyStart, record.keyEnd);
    this.#options.onMarker(stream.origin, region, record.ring);
  }

  #applyHeld(stream: IncomingStream, record: MutableRecord): void {
    const { kind, version } = record;
    if (version <= stream.heldTo) return;
    stream.heldTo = version;
    if (isInvalidation(kind) || kind === RecordKind.DELETE) this.#options.applyHeld(record);
  }

  #receiveAhead(stream: IncomingStream, body: ByteReader): void {
    const { apply, isSkewed } = this.#options;
    this.#setDue(stream);
    let last = 0;
    while (body.left > 0) {
      const record = this.#read(stream, body, last);
      last = record.version;
      const invalidates = isInvalidation(record.kind);
      if (!invalidates && record.kind !== RecordKind.DELETE) {
        throw new ReadError("a record was sent ahead that neither invalidates nor deletes");
      }
      if (last <= stream.position) continue;
      if (!stream.isHeld && isSkewed(stream.peer, last)) this.#hold(stream, last);
      if (stream.isHeld) this.#applyHeld(stream, record);
      else if (invalidates && stream.addAhead(last)) apply(record);
    }
  }

  #receiveTruncation(stream: IncomingStream, body: ByteReader): void {
    const { origin, life, asked, now } = readTruncation(body);
    const { isSkewed, onTruncated } = this.#options;
    if (origin !== stream.origin || life !== this.#options.origin) return;
    this.#setDue(stream);
    this.#reconsider(stream);
    if (!stream.isHeld && isSkewed(stream.peer, now)) this.#hold(stream, now);
    // Held: it will be told again when it is asked to go on.
    if (stream.isHeld) return;
    if (asked < stream.position) return this.#ask(stream);
    stream.position = now;
    stream.missingTo = now;
    stream.forgetAhead();
    onTruncated(stream.peer, origin, now);
  }
}

/** False for what only snapshots, syncs and journals contain. */
function isLiveKind(kind: RecordKind): boolean {
  return kind <= RecordKind.MARKER || kind === RecordKind.DATABASES;
}

function isInvalidation(kind: RecordKind): boolean {
  return kind === RecordKind.INVALIDATE || kind === RecordKind.FLUSH;
}
