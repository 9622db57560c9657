/**
 * What two transports say on a WebSocket before it carries frames, as bytes.
 *
 *     GREETING   1   "SHOL"   lowest and highest protocol (1 each)   channel (1)   link (8)   nonce (32)   origin (4)
 *                id   cluster   (later fields)
 *     PROOF      2   HMAC-SHA-256 (32)
 *     REFUSAL    3   code (1)   text   (later fields)
 *
 * Names and texts are counted. Fields that a later version appends are ignored, and proved like all others.
 */
import { MAX_NAME_BYTES } from "../cluster/message.ts";
import { ByteReader, ReadError } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { decodeLatin1, encodeLatin1, encodeText, equalBytes } from "../core/bytes.ts";
import { isOrigin } from "../core/version.ts";

/** Longest message before a socket is authenticated, in bytes. Policy: refused, and the socket closed. */
export const MAX_GREETING_BYTES = 1_024;
export const NONCE_BYTES = 32;
export const LINK_ID_BYTES = 8;
export const PROOF_BYTES = 32;
/** Longest text of a refusal in bytes. Policy: cut by its writer, refused by its reader. */
const MAX_REFUSAL_BYTES = 256;

const MAGIC = encodeText("SHOL");

export const GreetingKind = { GREETING: 1, PROOF: 2, REFUSAL: 3 } as const;

/** Why a socket is not used. */
export const RefusalCode = {
  MALFORMED: 1,
  PROTOCOL: 2,
  OTHER_CLUSTER: 3,
  WRONG_SECRET: 4,
  /** Two nodes have one id. */
  OWN_ID: 5,
  /** There is a link between the two already, or one that is preferred is being made. Nothing is wrong. */
  LINKED: 6,
  /** A limit is reached. */
  BUSY: 7,
  CLOSING: 8,
  /** The connection was not made, or has ended: never said, only told. */
  BROKEN: 9,
  /** A node has dialled itself. */
  ITSELF: 10,
} as const;
export type RefusalCode = (typeof RefusalCode)[keyof typeof RefusalCode];

/** Why a socket is not used, in a code and in words. */
export interface PeerRefusal {
  readonly code: number;
  readonly text: string;
}

/** Who is at one end of a socket, and what the socket is for. */
export interface PeerGreeting {
  readonly lowest: number;
  readonly highest: number;
  /** Which of the link's sockets it is. */
  readonly channel: number;
  /** Drawn by who dials, the same for both sockets of a link: char codes are bytes. */
  readonly link: string;
  /** Drawn for this socket. */
  readonly nonce: Uint8Array;
  readonly origin: number;
  readonly id: string;
  readonly cluster: string;
}

export function encodeGreeting(greeting: PeerGreeting): Uint8Array {
  const writer = new ByteWriter(256, MAX_GREETING_BYTES);
  writer.u8(GreetingKind.GREETING);
  writer.range(MAGIC, 0, MAGIC.length);
  writer.u8(greeting.lowest);
  writer.u8(greeting.highest);
  writer.u8(greeting.channel);
  writer.range(encodeLatin1(greeting.link), 0, LINK_ID_BYTES);
  writer.range(greeting.nonce, 0, NONCE_BYTES);
  writer.u32(greeting.origin);
  for (const name of [greeting.id, greeting.cluster]) {
    const bytes = encodeText(name);
    writer.varint(bytes.length);
    writer.range(bytes, 0, bytes.length);
  }
  return writer.take();
}

/** @throws {ReadError} if it is no greeting */
export function readGreeting(bytes: Uint8Array): PeerGreeting {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== GreetingKind.GREETING) throw new ReadError("a greeting comes first");
  if (!equalBytes(reader.range(MAGIC.length), 0, MAGIC, 0, MAGIC.length)) throw new ReadError("it is no node of Shoal");
  const [lowest, highest, channel] = [reader.u8(), reader.u8(), reader.u8()];
  if (lowest > highest) throw new ReadError(`protocols from ${lowest} to ${highest}`);
  if (channel > 1) throw new ReadError(`channel ${channel}; there are 0 and 1`);
  const link = decodeLatin1(reader.range(LINK_ID_BYTES));
  const nonce = reader.range(NONCE_BYTES);
  const origin = reader.u32();
  if (!isOrigin(origin)) throw new ReadError("an origin is not 0");
  const [id, cluster] = [reader.text(MAX_NAME_BYTES), reader.text(MAX_NAME_BYTES)];
  if (id === "") throw new ReadError("a node has a name");
  return { lowest, highest, channel, link, nonce, origin, id, cluster };
}

export function encodeProof(proof: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(1 + PROOF_BYTES);
  bytes[0] = GreetingKind.PROOF;
  bytes.set(proof, 1);
  return bytes;
}

/** @throws {ReadError} if it is no proof */
export function readProof(bytes: Uint8Array): Uint8Array {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== GreetingKind.PROOF) throw new ReadError("a proof comes after the greetings");
  const proof = reader.range(PROOF_BYTES);
  reader.expectEnd();
  return proof;
}

export function encodeRefusal({ code, text }: PeerRefusal): Uint8Array {
  const bytes = encodeText(text).subarray(0, MAX_REFUSAL_BYTES);
  const writer = new ByteWriter(64, MAX_GREETING_BYTES);
  writer.u8(GreetingKind.REFUSAL);
  writer.u8(code);
  writer.varint(bytes.length);
  writer.range(bytes, 0, bytes.length);
  return writer.take();
}

/**
 * What the other end says why it does not want this socket; undefined if these bytes say something else. Control characters
 * are taken out of the text, which may be anybody's.
 *
 * @throws {ReadError} if it is a refusal that is damaged
 */
export function readRefusal(bytes: Uint8Array): PeerRefusal | undefined {
  if (bytes[0] !== GreetingKind.REFUSAL) return undefined;
  const reader = new ByteReader(bytes, 1);
  const code = reader.u8();
  return { code, text: reader.text(MAX_REFUSAL_BYTES).replace(/\p{Cc}/gu, " ") };
}
