/**
 * What two nodes tell each other first, as bytes.
 *
 *     HELLO    lowest and highest protocol (1 each)   flags (1)   greeting (4)   answers (4)
 *              member   wall clock (6)   now (7)   stable (7)   watermarks   visible slots   (later fields)
 *     watermarks   number (varint)   of each: origin (4)   version (7)
 *
 * Fields that a later version appends are ignored.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { isOrigin } from "../core/version.ts";
import type { Member } from "./member.ts";
import { readMember, writeMember } from "./member-codec.ts";
import { MAX_PROTOCOL, MIN_PROTOCOL } from "./message.ts";
import { SlotSet } from "./slot-set.ts";
import { MAX_ORIGINS, type Watermark } from "./watermarks.ts";

const WATERMARK_BYTES = 11;
const WANTS_ANSWER = 1;

/** What a hello says of its sender. */
export interface HelloContent {
  readonly member: Member;
  /** The sender's wall clock, whole ms since the Unix epoch. */
  readonly wallMs: number;
  /** A version: everything that the sender stamps later is higher. */
  readonly now: number;
  readonly stable: number;
  /** How far the sender has applied each origin. */
  readonly watermarks: readonly Watermark[];
  /** Slots that the sender owns and that are visible there. */
  readonly visible: SlotSet;
}

/** Who says hello to whom, and what of it has arrived. */
export interface Greeting {
  /** Number of the greeting: other for each link and life of its sender, never 0. */
  readonly greeting: number;
  /** The greeting of the other that has arrived, 0 for none. */
  readonly answers: number;
  /** True as long as the sender does not know that its own greeting has arrived. */
  readonly wantsAnswer: boolean;
}

export function writeHello(body: ByteWriter, greeting: Greeting, content: HelloContent): void {
  body.u8(MIN_PROTOCOL);
  body.u8(MAX_PROTOCOL);
  body.u8(greeting.wantsAnswer ? WANTS_ANSWER : 0);
  body.u32(greeting.greeting);
  body.u32(greeting.answers);
  writeMember(body, content.member);
  body.u48(Math.floor(content.wallMs));
  body.u56(content.now);
  body.u56(content.stable);
  const watermarks = content.watermarks.slice(0, MAX_ORIGINS);
  body.varint(watermarks.length);
  for (const { origin, version } of watermarks) {
    body.u32(origin);
    body.u56(version);
  }
  content.visible.write(body);
}

/** @throws {ReadError} if it is no hello, or of a node that speaks no protocol of ours */
export function readHello(body: ByteReader): { greeting: Greeting; content: HelloContent } {
  const [lowest, highest] = [body.u8(), body.u8()];
  if (lowest > MAX_PROTOCOL || highest < MIN_PROTOCOL || lowest > highest) {
    throw new ReadError(`protocols ${lowest} to ${highest}, and here ${MIN_PROTOCOL} to ${MAX_PROTOCOL} are spoken`);
  }
  const flags = body.u8();
  const [number, answers] = [body.u32(), body.u32()];
  if (number === 0) throw new ReadError("a greeting has a number that is not 0");
  const greeting = { greeting: number, answers, wantsAnswer: (flags & WANTS_ANSWER) !== 0 };
  const member = readMember(body);
  const wallMs = body.u48();
  const [now, stable] = [body.u56(), body.u56()];
  const count = body.varint();
  if (count > MAX_ORIGINS || count * WATERMARK_BYTES > body.left) throw new ReadError(`${count} watermarks`);
  const watermarks: Watermark[] = [];
  let last = 0;
  for (let i = 0; i < count; i++) {
    const origin = body.u32();
    const version = body.u56();
    if (!isOrigin(origin) || origin <= last) throw new ReadError("watermarks are not in the order of their origins");
    watermarks.push({ origin, version });
    last = origin;
  }
  return { greeting, content: { member, wallMs, now, stable, watermarks, visible: SlotSet.read(body) } };
}
