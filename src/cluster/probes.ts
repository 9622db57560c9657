/**
 * Probes: is a member there? Asked directly, and if it does not answer in time, through three others as well, as SWIM has it.
 *
 *     PROBE          sequence (varint)   statement   tail              asked of the member itself
 *     PROBE_REQUEST  sequence (varint)   target (text)   statement   tail     asked of a helper
 *     PROBE_ANSWER   sequence (varint)   verdict (u8)   wall clock (f64, ms)   tail
 *     statement      origin (u32)   incarnation (varint)   state (u8)  what the asking one believes of the member
 *     tail           membership.ts
 *
 * A probe names the life that it means; another life of the member does not answer for it, but tells about itself. The
 * statement is there so that a suspect hears at once what is said of it; its answer then carries its refutation.
 *
 * One probe takes two attempts. First the member is asked, and asked again after half of the time, because one message may be
 * lost; without a link this attempt is left out. Then helpers are asked, and the member once more. Helpers answer
 * whether they reached it; if all of them could not, there is nothing left to wait for. The probe fails when nobody has reached the
 * member in time. How long an answer takes is measured for each peer (round-trips.ts), and with it the peer's clock.
 *
 * Each send has a sequence number of its own, so a round trip is never measured from the wrong one.
 *
 * Limits: one probe of a member at a time; `MAX_RELAYS` probes for others (policy: a helper with more says
 * nothing, which speaks against the asking one's judgement and not against the member).
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import type { Random } from "../core/ports.ts";
import type { LocalHealth } from "./local-health.ts";
import { isLive, type Member, MemberState } from "./member.ts";
import { readName, writeText } from "./member-codec.ts";
import { MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";
import type { RoundTrips } from "./round-trips.ts";

const HELPERS = 3;
const MAX_RELAYS = 4_096;
/** Sequence numbers are used again after so many. */
const SEQUENCES = 2 ** 28;

const Verdict = { SELF: 0, REACHED: 1, MISSED: 2 } as const;

/** What is believed of a member, without its particulars. */
export interface Statement {
  readonly origin: number;
  readonly incarnation: number;
  readonly state: MemberState;
}

interface Probe {
  readonly target: string;
  readonly origin: number;
  /** Sequence numbers of what was sent, with the monotonic time of sending. */
  readonly sent: Map<number, number>;
  readonly waiting: Set<string>;
  againMs: number;
  deadlineMs: number;
  isIndirect: boolean;
  helpers: number;
}

interface Relay {
  readonly asker: string;
  readonly askersSequence: number;
  readonly target: string;
  readonly sentMs: number;
  readonly deadlineMs: number;
}

/** What probes need of the membership, and tell it. */
export interface ProbeView {
  readonly origin: number;
  readonly isSilent: boolean;
  member(id: string): Member | undefined;
  /** Live members beside this one. */
  others(): readonly Member[];
  /** Time that passed while this node was awake, ms. */
  activeMs(): number;
  monotonicMs(): number;
  wallMs(): number;
  /** What somebody believes of this node. */
  hearOfSelf(statement: Statement): void;
  /** Nobody has reached this life of the member. */
  failed(id: string, origin: number): void;
  /** A round trip to the peer, and its wall clock when it answered. */
  measured(peer: string, peerMs: number, roundTripMs: number): void;
  /** Writes the tail of a message; with particulars of this member, if one is named. */
  writeTail(body: ByteWriter, about?: Member): void;
  readTail(peer: string, body: ByteReader): void;
  readonly self: Member;
}

export class Probes {
  readonly #view: ProbeView;
  readonly #peers: PeerSender;
  readonly #random: Random;
  readonly #health: LocalHealth;
  readonly #roundTrips: RoundTrips;
  readonly #longestMs: number;
  readonly #probes = new Map<string, Probe>();
  readonly #bySequence = new Map<number, Probe>();
  readonly #relays = new Map<number, Relay>();
  #sequence: number;

  constructor(options: {
    view: ProbeView;
    peers: PeerSender;
    random: Random;
    health: LocalHealth;
    roundTrips: RoundTrips;
    /** Longest time that is waited for an answer. */
    longestMs: number;
  }) {
    this.#view = options.view;
    this.#peers = options.peers;
    this.#random = options.random;
    this.#health = options.health;
    this.#roundTrips = options.roundTrips;
    this.#longestMs = options.longestMs;
    this.#sequence = options.random.uint32() % SEQUENCES;
  }

  /** Begins a probe of a member, unless there is one of this life of it under way. */
  start(target: Member): void {
    const known = this.#probes.get(target.id);
    if (known !== undefined) {
      if (known.origin === target.origin) return;
      this.#end(known);
    }
    const nowMs = this.#view.activeMs();
    const waitMs = this.#timeoutMs(target.id);
    const probe: Probe = {
      target: target.id,
      origin: target.origin,
      sent: new Map(),
      waiting: new Set(),
      againMs: nowMs + waitMs / 2,
      deadlineMs: nowMs + waitMs,
      isIndirect: false,
      helpers: 0,
    };
    this.#probes.set(target.id, probe);
    // Others have not reached a suspect already: there is no reason to wait before they are asked.
    if (target.state === MemberState.SUSPECT || !this.#ask(probe)) this.#askHelpers(probe, nowMs);
  }

  /** Gives up what is asked of a member, without a result. */
  cancel(id: string): void {
    const probe = this.#probes.get(id);
    if (probe !== undefined) this.#end(probe);
  }

  tick(): void {
    const nowMs = this.#view.activeMs();
    for (const probe of this.#probes.values()) {
      if (nowMs >= probe.deadlineMs) {
        if (probe.isIndirect) this.#fail(probe);
        else this.#askHelpers(probe, nowMs);
      } else if (nowMs >= probe.againMs) {
        probe.againMs = Number.POSITIVE_INFINITY;
        this.#ask(probe);
      }
    }
    for (const [sequence, relay] of this.#relays) {
      if (nowMs < relay.deadlineMs) continue;
      this.#relays.delete(sequence);
      this.#answer(relay.asker, relay.askersSequence, Verdict.MISSED);
    }
  }

  /** @throws {ReadError} if the body is not what the kind demands */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (kind === MessageKind.PROBE) this.#receiveProbe(peer, body);
    else if (kind === MessageKind.PROBE_REQUEST) this.#receiveRequest(peer, body);
    else this.#receiveAnswer(peer, body);
  }

  #receiveProbe(peer: string, body: ByteReader): void {
    const sequence = body.varint();
    const statement = readStatement(body);
    const view = this.#view;
    view.readTail(peer, body);
    view.hearOfSelf(statement);
    if (view.isSilent) return;
    const { self } = view;
    const isMeant = statement.origin === view.origin;
    // A life that is not meant does not vouch for the one that is: the answer is its refutation, and no verdict.
    const agrees = isMeant && statement.incarnation === self.incarnation && statement.state === self.state;
    this.#answer(peer, sequence, isMeant ? Verdict.SELF : Verdict.MISSED, agrees ? undefined : self);
  }

  #receiveRequest(peer: string, body: ByteReader): void {
    const askersSequence = body.varint();
    const target = readName(body);
    const statement = readStatement(body);
    this.#view.readTail(peer, body);
    if (this.#view.isSilent) return;
    if (this.#relays.size >= MAX_RELAYS) return;
    const sequence = this.#nextSequence();
    const isSent = this.#peers.send(target, MessageKind.PROBE, (probe) => {
      probe.varint(sequence);
      writeStatement(probe, statement);
      this.#view.writeTail(probe);
    });
    if (!isSent) return this.#answer(peer, askersSequence, Verdict.MISSED, this.#view.member(target));
    const sentMs = this.#view.monotonicMs();
    const deadlineMs = this.#view.activeMs() + this.#roundTrips.timeoutMs(target);
    this.#relays.set(sequence, { asker: peer, askersSequence, target, sentMs, deadlineMs });
  }

  #receiveAnswer(peer: string, body: ByteReader): void {
    const sequence = body.varint();
    const verdict = body.u8();
    const peerMs = body.f64();
    if (verdict > Verdict.MISSED) throw new ReadError(`a verdict of ${verdict}`);
    this.#view.readTail(peer, body);
    const relay = this.#relays.get(sequence);
    if (relay !== undefined && relay.target === peer) {
      this.#relays.delete(sequence);
      if (verdict === Verdict.SELF) this.#measure(peer, peerMs, relay.sentMs);
      const reached = verdict === Verdict.SELF ? Verdict.REACHED : Verdict.MISSED;
      this.#answer(relay.asker, relay.askersSequence, reached, this.#view.member(peer));
      return;
    }
    const probe = this.#bySequence.get(sequence);
    if (probe === undefined) return;
    if (verdict === Verdict.SELF && peer === probe.target) {
      const sentMs = probe.sent.get(sequence);
      if (sentMs !== undefined) this.#measure(peer, peerMs, sentMs);
      this.#succeed(probe);
    } else if (verdict === Verdict.REACHED && probe.waiting.has(peer)) this.#succeed(probe);
    else if (verdict === Verdict.MISSED && probe.waiting.delete(peer) && probe.waiting.size === 0) this.#fail(probe);
  }

  #measure(peer: string, peerMs: number, sentMs: number): void {
    const tookMs = this.#view.monotonicMs() - sentMs;
    this.#roundTrips.add(peer, tookMs);
    this.#view.measured(peer, peerMs, tookMs);
  }

  #succeed(probe: Probe): void {
    this.#end(probe);
    this.#health.better();
  }

  #fail(probe: Probe): void {
    this.#end(probe);
    // Helpers that say nothing at all: it may be this node that does not hear.
    if (probe.helpers > 0 && probe.waiting.size > 0) this.#health.worse();
    this.#view.failed(probe.target, probe.origin);
  }

  #end(probe: Probe): void {
    this.#probes.delete(probe.target);
    for (const sequence of probe.sent.keys()) this.#bySequence.delete(sequence);
  }

  #ask(probe: Probe): boolean {
    const member = this.#view.member(probe.target);
    if (member === undefined) return false;
    const sequence = this.#nextSequence();
    const isSent = this.#peers.send(probe.target, MessageKind.PROBE, (body) => {
      body.varint(sequence);
      writeStatement(body, member);
      this.#view.writeTail(body);
    });
    if (isSent) this.#note(probe, sequence);
    return isSent;
  }

  #askHelpers(probe: Probe, nowMs: number): void {
    const member = this.#view.member(probe.target);
    const isAsked = this.#ask(probe);
    probe.isIndirect = true;
    for (const helper of member === undefined ? [] : this.#helpers(probe.target)) {
      const sequence = this.#nextSequence();
      this.#peers.send(helper, MessageKind.PROBE_REQUEST, (body) => {
        body.varint(sequence);
        writeText(body, probe.target);
        if (member !== undefined) writeStatement(body, member);
        this.#view.writeTail(body, member);
      });
      this.#note(probe, sequence);
      probe.waiting.add(helper);
    }
    probe.helpers = probe.waiting.size;
    const waitMs = probe.helpers > 0 ? this.#longestMs * this.#health.multiplier : this.#timeoutMs(probe.target);
    probe.againMs = Number.POSITIVE_INFINITY;
    probe.deadlineMs = nowMs + waitMs;
    if (!isAsked && probe.helpers === 0) this.#fail(probe);
  }

  /** A few members, drawn at random, that can be asked for another. */
  #helpers(target: string): string[] {
    const linked = this.#view.others().filter(({ id, state }) => {
      return id !== target && state === MemberState.ALIVE && this.#peers.isLinked(id);
    });
    const drawn: string[] = [];
    while (drawn.length < HELPERS && linked.length > 0) {
      const [one] = linked.splice(this.#random.uint32() % linked.length, 1);
      drawn.push(one.id);
    }
    return drawn;
  }

  #answer(peer: string, sequence: number, verdict: number, about?: Member): void {
    this.#peers.send(peer, MessageKind.PROBE_ANSWER, (body) => {
      body.varint(sequence);
      body.u8(verdict);
      body.f64(this.#view.wallMs());
      this.#view.writeTail(body, about);
    });
  }

  #note(probe: Probe, sequence: number): void {
    probe.sent.set(sequence, this.#view.monotonicMs());
    this.#bySequence.set(sequence, probe);
  }

  #timeoutMs(peer: string): number {
    return this.#roundTrips.timeoutMs(peer) * this.#health.multiplier;
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) % SEQUENCES;
    return this.#sequence;
  }
}

function writeStatement(writer: ByteWriter, { origin, incarnation, state }: Statement): void {
  writer.u32(origin);
  writer.varint(incarnation);
  writer.u8(state);
}

function readStatement(reader: ByteReader): Statement {
  const origin = reader.u32();
  const incarnation = reader.varint();
  const state = reader.u8();
  if (state > MemberState.LEFT) throw new ReadError(`a member's state is ${state}`);
  return { origin, incarnation, state: state as MemberState };
}

/** Who is asked about the member: it is a live one, and not this life's former one. */
export function isProbed(member: Member | undefined, origin: number): member is Member {
  return member !== undefined && member.origin === origin && isLive(member);
}
