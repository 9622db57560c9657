/**
 * Fence: may this node serve, or could it have been given up by the others of its region?
 *
 *     FENCE_PROBE    round (varint)   origin (u32)   flags (u8)   fenceAfterMs (varint)   known (varint)   digest (u32)
 *                    flags: 1 the prober is a senior, 2 it wants to be admitted
 *     FENCE_ANSWER   round (varint)   origin (u32, the prober's)   count (varint)   admits (u8)
 *                    if it does: ids (text) of those whose answers do not count yet
 *
 * In regions of three and more a member serves until `fenceAfterMs` after the send time of its last round of probes that a
 * majority answered, itself included. Who is given up is not answered (refusals.ts): so when a majority has refused a life for
 * that long, it does not serve, however the network was cut. Two clocks are asked, and the one that says later counts: a
 * monotonic clock may stand still while a machine sleeps, a wall clock may be set back.
 *
 * For that, any two majorities must have a member in common, although nobody agrees on who is a member at which moment.
 * Everybody counts who has not left, dead or alive. Of newcomers (electorate.ts):
 *  - A newcomer is counted soon, and its answers only after it has been seen alive for longer than `fenceAfterMs`
 *    while the node itself served. By then a node that was cut off has stopped, and nobody is left who does not count it;
 *    and all of this takes less than `fenceAfterMs` more, so nobody stops who should not, however many join at once.
 *  - Nobody answers a prober that knows of a member whom it does not know itself (seen by number and digest).
 *  - A newcomer to a region that has seniors, that is members who have had a majority, is admitted by one who serves. So
 *    newcomers that can reach only members who are cut off do not become a region of their own. A senior that was cut off
 *    while others came is admitted in the same way: they tell it whose answers count.
 * Those who were known before this life (from disk) are no newcomers: so a region whose members all restart comes back.
 *
 * A region of one or two does not fence. When it grows to three the members serve for a time of grace without a majority,
 * three times `fenceAfterMs`, which others know of (refusals.ts), and establish each other.
 *
 * A node that was fenced may have missed what others no longer waited for. It is to hide what it has until it has caught
 * up; `lapses` tells that it happened.
 */

import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { Clock } from "../core/ports.ts";
import { Census, majorityOf } from "./census.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { Electorate } from "./electorate.ts";
import { isLive, type Member } from "./member.ts";
import { readName, writeText } from "./member-codec.ts";
import { MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";
import { GRACE, Refusals } from "./refusals.ts";

/** Rounds in each `fenceAfterMs`; only those are remembered whose answers can still count for something. */
const ROUNDS = 5;
/** Flags of a probe. */
const SENIOR = 1;
const APPLICANT = 2;

interface Round {
  readonly number: number;
  readonly sentMs: number;
  readonly sentWallMs: number;
  readonly answered: Set<string>;
  /** The largest number of members that this node or one of those who answered counts. */
  count: number;
}

export interface FenceOptions {
  readonly config: ClusterConfig;
  /** This life of the node. */
  readonly origin: number;
  readonly clock: Clock;
  readonly peers: PeerSender;
  /** All members, this one, dead ones and those who left included; the same array until something changes. */
  readonly members: () => readonly Member[];
}

export class Fence {
  readonly #ownId: string;
  readonly #region: string;
  readonly #origin: number;
  readonly #fenceAfterMs: number;
  readonly #clock: Clock;
  readonly #peers: PeerSender;
  readonly #census: Census;
  readonly #refusals: Refusals;
  #electorate: Electorate;
  #rounds: Round[] = [];
  #nextRound = 1;
  #dueMs = 0;
  #fences: boolean;
  #provenMs = Number.NEGATIVE_INFINITY;
  #provenWallMs = Number.NEGATIVE_INFINITY;
  #served = true;
  #lapses = 0;
  #digest = 0;

  constructor(options: FenceOptions) {
    const { config, clock, peers } = options;
    this.#ownId = config.id;
    this.#region = config.region;
    this.#origin = options.origin;
    this.#fenceAfterMs = config.fenceAfterMs;
    this.#clock = clock;
    this.#peers = peers;
    this.#census = new Census(options.members);
    const { id, region, fenceAfterMs } = config;
    this.#refusals = new Refusals({ id, region, fenceAfterMs, census: this.#census, peers });
    this.#electorate = new Electorate({ id, region, fenceAfterMs, census: this.#census });
    this.#fences = false;
    this.establish();
  }

  /** Who is a member now counts as established: at the start, when those have been taken over whom an earlier life knew. */
  establish(): void {
    this.#census.refresh();
    const [id, region, fenceAfterMs] = [this.#ownId, this.#region, this.#fenceAfterMs];
    this.#electorate = new Electorate({ id, region, fenceAfterMs, census: this.#census });
    this.#fences = this.#census.fences(region);
    this.#served = !this.#fences;
    this.#digest = this.#census.digest(region);
  }

  /** How many times this node stopped serving because it had lost the majority. */
  get lapses(): number {
    return this.#lapses;
  }

  /**
   * True if what this node has may be served.
   *
   * @param nowMs wall clock, ms since the Unix epoch
   * @param monotonicMs monotonic clock, ms
   */
  mayServe(nowMs: number, monotonicMs: number): boolean {
    if (!this.#fences) return true;
    return monotonicMs - this.#provenMs < this.#fenceAfterMs && nowMs - this.#provenWallMs < this.#fenceAfterMs;
  }

  /** True if it is proven that this life of a member does not serve any more. */
  isFenced(id: string, origin: number): boolean {
    this.#refresh();
    return this.#refusals.isFenced(id, origin, this.#clock.monotonic());
  }

  /** True if members of the region stop serving when they lose its majority. */
  regionFences(region: string): boolean {
    this.#refresh();
    return this.#census.fences(region);
  }

  tick(): void {
    this.#refresh();
    const nowMs = this.#clock.monotonic();
    const serves = this.mayServe(this.#clock.now(), nowMs);
    if (this.#served && !serves) this.#lapses++;
    this.#served = serves;
    this.#electorate.tick(serves, nowMs);
    if (this.#fences && nowMs >= this.#dueMs) this.#beginRound(nowMs);
    this.#refusals.tick(nowMs);
  }

  /** @throws {ReadError} if the body is not what the kind demands */
  receive(peer: string, kind: number, body: ByteReader): void {
    this.#refresh();
    const nowMs = this.#clock.monotonic();
    if (kind === MessageKind.FENCE_REPORT) return this.#refusals.receive(peer, body, nowMs);
    if (kind === MessageKind.FENCE_PROBE) this.#receiveProbe(peer, body, nowMs);
    else this.#receiveAnswer(peer, body);
  }

  #receiveProbe(peer: string, body: ByteReader, nowMs: number): void {
    const round = body.varint();
    const origin = body.u32();
    const flags = body.u8();
    const fenceAfterMs = body.varint();
    const known = body.varint();
    const digest = body.u32();
    if (flags > (SENIOR | APPLICANT)) throw new ReadError(`flags of ${flags}`);
    const isSenior = (flags & SENIOR) !== 0;
    const electorate = this.#electorate;
    if (this.#census.member(peer)?.region !== this.#region) return;
    this.#refusals.fences(peer, origin, fenceAfterMs, nowMs);
    if (!this.#refusals.accepts(peer, origin, nowMs)) return;
    if (isSenior) electorate.hearSenior(peer, origin);
    if (!electorate.isEstablished(peer) && !(isSenior && !electorate.isSenior)) return;
    // It knows somebody of whom this node has not heard yet.
    const ownKnown = this.#census.of(this.#region).length;
    if (ownKnown < known || (ownKnown === known && digest !== this.#digest)) return;
    const isAsked = (flags & APPLICANT) !== 0 && electorate.isSenior && electorate.isEstablished(peer);
    const admits = isAsked && this.mayServe(this.#clock.now(), nowMs);
    this.#peers.send(peer, MessageKind.FENCE_ANSWER, (answer) => {
      answer.varint(round);
      answer.u32(origin);
      answer.varint(electorate.count);
      answer.u8(admits ? 1 : 0);
      if (admits) for (const id of electorate.newcomers()) writeText(answer, id);
    });
  }

  #receiveAnswer(peer: string, body: ByteReader): void {
    const number = body.varint();
    const origin = body.u32();
    const count = body.varint();
    const admits = body.u8() === 1;
    const newcomers = new Set<string>();
    while (body.left > 0) newcomers.add(readName(body));
    const round = this.#rounds.find((one) => one.number === number);
    if (round === undefined || origin !== this.#origin) return;
    if (this.#census.member(peer)?.region !== this.#region) return;
    if (admits && this.#isApplicant) this.#electorate.admitted(newcomers);
    if (!this.#electorate.mayCount || !this.#electorate.isEstablished(peer)) return;
    round.answered.add(peer);
    round.count = Math.max(round.count, count, this.#electorate.count);
    if (round.answered.size + 1 < majorityOf(round.count) || round.sentMs <= this.#provenMs) return;
    this.#electorate.hadMajority();
    this.#provenMs = round.sentMs;
    this.#provenWallMs = round.sentWallMs;
  }

  #beginRound(nowMs: number): void {
    this.#dueMs = nowMs + this.#fenceAfterMs / ROUNDS;
    const known = this.#census.of(this.#region);
    const number = this.#nextRound++;
    const sentWallMs = this.#clock.now();
    this.#rounds.push({ number, sentMs: nowMs, sentWallMs, answered: new Set(), count: this.#electorate.count });
    if (this.#rounds.length > ROUNDS) this.#rounds.shift();
    for (const member of known) {
      if (member.id === this.#ownId || !isLive(member)) continue;
      this.#peers.send(member.id, MessageKind.FENCE_PROBE, (body) => {
        body.varint(number);
        body.u32(this.#origin);
        body.u8((this.#electorate.isSenior ? SENIOR : 0) | (this.#isApplicant ? APPLICANT : 0));
        body.varint(this.#fenceAfterMs);
        body.varint(known.length);
        body.u32(this.#digest);
      });
    }
  }

  get #isApplicant(): boolean {
    return !this.#served || !this.#electorate.isSenior;
  }

  /** As if a majority had answered at a time that lies ahead. */
  #beginGrace(nowMs: number): void {
    this.#provenMs = nowMs + (GRACE - 1) * this.#fenceAfterMs;
    this.#provenWallMs = this.#clock.now() + (GRACE - 1) * this.#fenceAfterMs;
    this.#dueMs = nowMs;
  }

  #refresh(): void {
    if (!this.#census.refresh()) return;
    const nowMs = this.#clock.monotonic();
    this.#digest = this.#census.digest(this.#region);
    const fences = this.#census.fences(this.#region);
    if (fences && !this.#fences) this.#beginGrace(nowMs);
    this.#fences = fences;
    this.#electorate.update(nowMs);
    this.#refusals.update(nowMs);
  }
}
