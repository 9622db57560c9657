/**
 * Telling: how what this node knows of members gets to others.
 *
 *     GOSSIP    purpose (u8)   rumors       news; or everything that is known, and to be answered with everything
 *     GOSSIP    purpose (u8)   digest (u32)             over a new link
 *     tail      digest (u32)   rumors       at the end of probes and their answers
 *
 * News (gossip.ts) go to four random members each 50 ms while there are any, and along with probes. That reaches everybody with
 * a probability near to one. For the rest digests are compared over a new link and with each probe; where they differ although there is no
 * news under way, both tell each other everything, at most once a second. So everybody knows the same in the end, whatever
 * was lost. Once a second one of those who are held for dead is told the digest too, because it may be there again.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { Random } from "../core/ports.ts";
import { type Gossip, writeRumor } from "./gossip.ts";
import { type Member, MemberState } from "./member.ts";
import type { MemberTable } from "./member-table.ts";
import { MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";

const NEWS_INTERVAL_MS = 50;
const NEWS_FANOUT = 4;
/** Rumors in a message of news, and behind a probe. */
const NEWS_BYTES = 1_400;
const TAIL_BYTES = 600;
/** Everything is told in messages of this size. */
const EVERYTHING_BYTES = 64 * 1_024;
const EXCHANGE_INTERVAL_MS = 1_000;

const Purpose = { NEWS: 0, EXCHANGE: 1, COMPARE: 2 } as const;

export class Telling {
  readonly #gossip: Gossip;
  readonly #table: MemberTable;
  readonly #peers: PeerSender;
  readonly #random: Random;
  #newsDueMs = 0;
  #exchangeDueMs = 0;
  #deadDueMs = 0;
  /** False if there was nobody whom the news could be told. */
  #hasListeners = true;

  constructor(options: { gossip: Gossip; table: MemberTable; peers: PeerSender; random: Random }) {
    this.#gossip = options.gossip;
    this.#table = options.table;
    this.#peers = options.peers;
    this.#random = options.random;
  }

  /** Sends the news to a few, if there are any and it is time; and asks after the dead. */
  tick(nowMs: number): void {
    if (nowMs >= this.#deadDueMs) this.#askAfterDead(nowMs);
    if (this.#gossip.isEmpty || nowMs < this.#newsDueMs) return;
    this.#newsDueMs = nowMs + NEWS_INTERVAL_MS;
    const linked = this.#table.others().filter(({ id }) => this.#peers.isLinked(id));
    this.#hasListeners = linked.length > 0;
    for (let i = Math.min(NEWS_FANOUT, linked.length); i > 0 && !this.#gossip.isEmpty; i--) {
      const { id } = linked[this.#random.uint32() % linked.length];
      this.#peers.send(id, MessageKind.GOSSIP, (body) => {
        body.u8(Purpose.NEWS);
        this.#gossip.write(body, NEWS_BYTES, this.#table.size);
      });
    }
  }

  /** One who is held for dead, but linked, may be back, and not know what is said of it. */
  #askAfterDead(nowMs: number): void {
    this.#deadDueMs = nowMs + EXCHANGE_INTERVAL_MS;
    const dead = this.#table.list().filter(({ id, state }) => state === MemberState.DEAD && this.#peers.isLinked(id));
    if (dead.length > 0) this.tellDigest(dead[this.#random.uint32() % dead.length].id);
  }

  /** Tells a peer about one member. */
  tell(peer: string, member: Member): void {
    this.#peers.send(peer, MessageKind.GOSSIP, (body) => {
      body.u8(Purpose.NEWS);
      writeRumor(body, member);
    });
  }

  /** Tells a peer about everybody; the last of the messages says whether the peer is to do the same. */
  tellEverything(peer: string, wantsAll = false): void {
    const members = this.#table.list();
    for (let i = 0; i < members.length && this.#peers.isLinked(peer); ) {
      this.#peers.send(peer, MessageKind.GOSSIP, (body) => {
        const start = body.length;
        body.u8(Purpose.NEWS);
        while (i < members.length && body.length - start < EVERYTHING_BYTES) writeRumor(body, members[i++]);
        if (i === members.length && wantsAll) body.bytes[start] = Purpose.EXCHANGE;
      });
    }
  }

  /** What somebody knows differs from what this node knows, or not. */
  compare(peer: string, digest: number, nowMs: number): void {
    const isUnderWay = !this.#gossip.isEmpty && this.#hasListeners;
    if (digest === this.#table.digest() || isUnderWay || nowMs < this.#exchangeDueMs) return;
    this.#exchangeDueMs = nowMs + EXCHANGE_INTERVAL_MS;
    this.tellEverything(peer, true);
  }

  /** Tells a peer what it needs to see whether it knows the same. */
  tellDigest(peer: string): void {
    this.#peers.send(peer, MessageKind.GOSSIP, (body) => {
      body.u8(Purpose.COMPARE);
      body.u32(this.#table.digest());
    });
  }

  /**
   * Takes in a GOSSIP.
   *
   * @param readRumors reads the rumors up to the end
   * @throws {ReadError} if it is not well-formed
   */
  receive(peer: string, body: ByteReader, nowMs: number, readRumors: () => void): void {
    const purpose = body.u8();
    if (purpose > Purpose.COMPARE) throw new ReadError(`gossip for purpose ${purpose}`);
    if (purpose === Purpose.COMPARE) {
      const digest = body.u32();
      body.expectEnd();
      return this.compare(peer, digest, nowMs);
    }
    readRumors();
    if (purpose === Purpose.EXCHANGE) this.tellEverything(peer);
  }

  /** Writes the tail of a probe; with this member, if one is named. */
  writeTail(body: ByteWriter, about: Member | undefined): void {
    body.u32(this.#table.digest());
    if (about !== undefined) writeRumor(body, about);
    this.#gossip.write(body, TAIL_BYTES, this.#table.size);
  }
}
