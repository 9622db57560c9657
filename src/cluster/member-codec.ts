/**
 * How a member is written where members are spoken of: in hellos, in gossip, in the file of known members.
 *
 *     member  id (text)  origin (u32)  incarnation (varint)  state (u8)  region (text)  zone (text)
 *             weight (varint, in thousandths)  replicas (u8)  address (text)
 *     text    length in bytes (varint)   UTF-8
 *
 * Reading checks everything: names are 1 to 64 bytes (a zone may be empty), an address at most 256.
 */
import { ByteReader, ReadError } from "../core/byte-reader.ts";
import { ByteWriter } from "../core/byte-writer.ts";
import { encodeText } from "../core/bytes.ts";
import { isOrigin } from "../core/version.ts";
import { MAX_ADDRESS_BYTES, MAX_REPLICAS, MAX_WEIGHT } from "./cluster-config.ts";
import { type Member, MemberState } from "./member.ts";
import { MAX_NAME_BYTES } from "./message.ts";

const WEIGHT_UNITS = 1_000;
/** Most bytes that a member takes. */
export const MAX_MEMBER_BYTES = 3 * (MAX_NAME_BYTES + 1) + MAX_ADDRESS_BYTES + 2 + 4 + 5 + 1 + 3 + 1;
const REPLACEMENT = "\ufffd";
/** Highest incarnation. Who would need a higher one has been outbid four thousand million times, and stays as it is. */
export const MAX_INCARNATION = 2 ** 32 - 1;

export function writeMember(writer: ByteWriter, member: Member): void {
  writeText(writer, member.id);
  writer.u32(member.origin);
  writer.varint(member.incarnation);
  writer.u8(member.state);
  writeText(writer, member.region);
  writeText(writer, member.zone);
  writer.varint(Math.round(member.weight * WEIGHT_UNITS));
  writer.u8(member.replicas);
  writeText(writer, member.address);
}

/** @throws {ReadError} if it is not a member */
export function readMember(reader: ByteReader): Member {
  const id = readName(reader, "name");
  const origin = reader.u32();
  const incarnation = reader.varint();
  const state = reader.u8();
  const region = readName(reader, "region");
  const zone = readText(reader, MAX_NAME_BYTES);
  const weight = reader.varint() / WEIGHT_UNITS;
  const replicas = reader.u8();
  const address = readText(reader, MAX_ADDRESS_BYTES);
  if (!isOrigin(origin)) throw new ReadError("a member's origin is 0");
  if (state > MemberState.LEFT) throw new ReadError(`a member's state is ${state}`);
  if (weight > MAX_WEIGHT) throw new ReadError(`a member's weight is ${weight}`);
  if (replicas < 1 || replicas > MAX_REPLICAS) throw new ReadError(`a member wants ${replicas} replicas`);
  return { id, origin, incarnation, state: state as MemberState, region, zone, weight, replicas, address };
}

/** Members as a list that tells who they are, and nothing of how they are: what a restart has to know. */
export function encodeMembers(members: readonly Member[]): Uint8Array {
  const writer = new ByteWriter(64 * members.length + 8);
  for (const member of members) {
    if (member.state !== MemberState.LEFT) writeMember(writer, { ...member, incarnation: 0, state: MemberState.DEAD });
  }
  return writer.take();
}

/** @throws {ReadError} if it is not such a list */
export function decodeMembers(bytes: Uint8Array): Member[] {
  const members: Member[] = [];
  const reader = new ByteReader(bytes);
  while (reader.left > 0) members.push(readMember(reader));
  return members;
}

/** A name as `readName` wants it. */
export function writeText(writer: ByteWriter, text: string): void {
  const bytes = encodeText(text);
  writer.varint(bytes.length);
  writer.range(bytes, 0, bytes.length);
}

/** A name of 1 to 64 bytes. */
export function readName(reader: ByteReader, what = "name"): string {
  const name = readText(reader, MAX_NAME_BYTES);
  if (name === "") throw new ReadError(`a ${what} is empty`);
  return name;
}

/** What is not UTF-8 would become longer when it is written again, and be refused there. */
function readText(reader: ByteReader, maxBytes: number): string {
  const text = reader.text(maxBytes);
  if (text.includes(REPLACEMENT))
    throw new ReadError("a text of a member is not UTF-8, or has the replacement character");
  return text;
}
