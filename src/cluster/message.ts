/**
 * What peers say to each other: the kinds of messages, and how several of them make a frame.
 *
 *     frame     protocol (1)   messages
 *     message   kind (1)   length (varint)   body
 *
 * All messages of one turn to one peer go as one frame for each channel, so that the cost of sending is paid once a turn. Each
 * kind's body is written and read where it is used. A kind that is not known is skipped, because a newer node may say more; a
 * length that does not fit, a body that is not what its kind demands, and a protocol that was not agreed make the frame bad.
 */
import { ByteReader, ReadError } from "../core/byte-reader.ts";

/** The kinds, with the file that writes and reads each. */
export const MessageKind = {
  /** hello.ts: who I am, and how far I have received everybody. */
  HELLO: 1,
  /** probes.ts */
  PROBE: 2,
  PROBE_ANSWER: 3,
  PROBE_REQUEST: 4,
  /** gossip.ts: what changed in the membership; also at the end of probes. */
  GOSSIP: 5,
  /** fence.ts: whether a majority of the region is there; which lives are refused. */
  FENCE_PROBE: 6,
  FENCE_ANSWER: 7,
  FENCE_REPORT: 12,
  /** outgoing-streams.ts, incoming-streams.ts: records of an origin, in order; how far they were received. */
  STREAM: 8,
  ACKNOWLEDGE: 9,
  RESUME: 10,
  TRUNCATED: 11,
  /** slot-source.ts, slot-target.ts: slots, or what an origin left behind. */
  SYNC_REQUEST: 16,
  SYNC_DATA: 17,
  SYNC_ACKNOWLEDGE: 18,
  SYNC_END: 19,
  SYNC_CANCEL: 20,
  /** forwards.ts: operations that are carried out elsewhere. */
  FORWARD: 24,
  REPLY: 25,
  /** publications.ts */
  PUBLISH: 28,
} as const;
export type MessageKind = (typeof MessageKind)[keyof typeof MessageKind];

/** Two ways to each peer, in order each, but not between each other: what is urgent or small, and what is large. */
export const Channel = { STREAM: 0, BULK: 1 } as const;
export type Channel = (typeof Channel)[keyof typeof Channel];

/** The protocol versions that this node speaks; two nodes use the highest that both do. */
export const MIN_PROTOCOL = 1;
export const MAX_PROTOCOL = 1;

/** Longest frame in bytes: the largest record and its surroundings fit. Policy: refused, and the link closed. */
export const MAX_PEER_FRAME_BYTES = 8 * 2 ** 20;
/** Longest name of a node, region or zone, in bytes of UTF-8. */
export const MAX_NAME_BYTES = 64;

/** Is given one message after the other; the reader stands at its body and ends with it. */
export type VisitMessage = (kind: number, body: ByteReader) => void;

/**
 * Takes a frame apart. What `visit` did before a mistake stays done.
 *
 * @throws {ReadError} if it is not well-formed, or `visit` says so of a body
 */
export function readFrame(frame: Uint8Array, visit: VisitMessage): void {
  if (frame.length > MAX_PEER_FRAME_BYTES) throw new ReadError(`a frame of ${frame.length} bytes`);
  const reader = new ByteReader(frame);
  const protocol = reader.u8();
  if (protocol < MIN_PROTOCOL || protocol > MAX_PROTOCOL) throw new ReadError(`protocol ${protocol}`);
  while (reader.left > 0) {
    const kind = reader.u8();
    const length = reader.varint();
    if (length > reader.left) throw new ReadError(`a message of ${length} bytes, and ${reader.left} are left`);
    const body = new ByteReader(frame, reader.at, reader.at + length);
    reader.at += length;
    visit(kind, body);
  }
}
