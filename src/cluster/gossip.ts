/**
 * Gossip: what is to be told of members, and how often it has been told.
 *
 * News are told to a few random members at a time (telling.ts), a number of times that grows with the logarithm of the
 * cluster's size. New rumors go first, those told least recently next. A rumor about a member takes the place of older ones
 * about it; accusations by different accusers stand beside each other, because their number counts.
 *
 *     rumor   member   accuser (text; empty unless the member is suspect)
 *
 * Limit: a rumor for each member and accuser, of whom membership.ts lets four through; so it is bounded by the members.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { type Member, MemberState } from "./member.ts";
import { readMember, writeMember, writeText } from "./member-codec.ts";
import { MAX_NAME_BYTES } from "./message.ts";

/** A rumor is told so many times for each decimal digit of the cluster's size. */
const TIMES_PER_DIGIT = 4;

interface Rumor {
  readonly member: Member;
  readonly accuser: string;
  told: number;
}

export class Gossip {
  #rumors: Rumor[] = [];

  get isEmpty(): boolean {
    return this.#rumors.length === 0;
  }

  get size(): number {
    return this.#rumors.length;
  }

  /** Has it told that this is how the member is. */
  add(member: Member, accuser = ""): void {
    this.#rumors = this.#rumors.filter(
      (rumor) => rumor.member.id !== member.id || (isSameAccusation(rumor.member, member) && rumor.accuser !== accuser),
    );
    this.#rumors.unshift({ member, accuser, told: 0 });
  }

  /** Nothing more is told of this member. */
  forget(id: string): void {
    this.#rumors = this.#rumors.filter((rumor) => rumor.member.id !== id);
  }

  /**
   * Writes what is to be told next, as much as fits.
   *
   * @param maxBytes how much may be written
   * @param members how many members there are
   */
  write(writer: ByteWriter, maxBytes: number, members: number): void {
    const most = TIMES_PER_DIGIT * Math.ceil(Math.log10(members + 1));
    const end = writer.length + maxBytes;
    let told = 0;
    for (const rumor of this.#rumors) {
      const before = writer.length;
      writeRumor(writer, rumor.member, rumor.accuser);
      if (writer.length > end) {
        writer.length = before;
        break;
      }
      rumor.told++;
      told++;
    }
    if (told === 0) return;
    const again = this.#rumors.splice(0, told).filter((rumor) => rumor.told < most);
    this.#rumors.push(...again);
  }
}

function isSameAccusation(a: Member, b: Member): boolean {
  const { state, origin, incarnation } = a;
  return state === MemberState.SUSPECT && b.state === state && b.origin === origin && b.incarnation === incarnation;
}

export function writeRumor(writer: ByteWriter, member: Member, accuser = ""): void {
  writeMember(writer, member);
  writeText(writer, accuser);
}

/**
 * Reads rumors up to the end of a message.
 *
 * @throws {ReadError} if they are not well-formed; what `hear` did before stays done
 */
export function readRumors(reader: ByteReader, hear: (member: Member, accuser: string) => void): void {
  while (reader.left > 0) {
    const member = readMember(reader);
    hear(member, reader.text(MAX_NAME_BYTES));
  }
}
