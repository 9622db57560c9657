/**
 * Fence: may this node serve, or could it have been given up by the others of its region?
 *
 *     FENCE_PROBE    round (varint)   origin (u32)   fenceAfterMs (varint)   count (varint)   digest (u32)
 *     FENCE_ANSWER   round (varint)   origin (u32, the prober's)   count (varint)
 *
 * In regions of three and more a member serves until `fenceAfterMs` after the send time of its last round of probes that a
 * majority answered, itself included. Who is given up is not answered (refusals.ts): so when a majority has refused a life for
 * that long, it does not serve, however the network was cut. Two clocks are asked, and the one that says later counts: a
 * monotonic clock may stand still while a machine sleeps, a wall clock may be set back.
 *
 * For that, any two majorities must have a member in common, although nobody agrees on who is a member at which moment:
 *  - Everybody counts who has not left, dead or alive, and the largest count that the prober or one of the answering ones has is
 *    the one of which a majority is needed.
 *  - Nobody answers a prober that knows of a member whom it does not know itself (seen by count and digest).
 *  - A newcomer's answer counts, and a newcomer is answered, only when it has been seen alive for longer than
 *    `fenceAfterMs` while the node itself served: by then all rounds that did not count it are over.
 * Those who were known before this life (from disk) are no newcomers: so a region whose members all restart comes back.
 *
 * A region of one or two does not fence. When it grows to three its members have not established each other yet, so they serve
 * for a time of grace without a majority, three times `fenceAfterMs`, which others know of (refusals.ts).
 *
 * A node that was fenced may have missed what others no longer waited for. It is to hide what it has until it has caught
 * up; `lapses` tells that it happened.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { Clock } from "../core/ports.ts";
import { Census, majorityOf } from "./census.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { isLive, type Member } from "./member.ts";
import { MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";
import { GRACE, Refusals } from "./refusals.ts";

/** Rounds in each `fenceAfterMs`; only those are remembered whose answers can still count for something. */
const ROUNDS = 5;

interface Round {
  readonly number: number;
  readonly sentMs: number;
  readonly sentWallMs: number;
  readonly answered: Set<string>;
  /** The largest count of members that this node or one of those who answered knows. */
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
  /** Whose answers count, and who is answered. */
  readonly #established = new Set<string>();
  /** Since when a newcomer has been seen alive without a break in which this node did not serve. */
  readonly #seenSince = new Map<string, number>();
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
    this.#census.refresh();
    for (const member of this.#census.of(region)) this.#established.add(member.id);
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
    this.#establish(serves, nowMs);
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
    const fenceAfterMs = body.varint();
    const count = body.varint();
    const digest = body.u32();
    const known = this.#census.of(this.#region);
    if (this.#census.member(peer)?.region !== this.#region) return;
    this.#refusals.fences(peer, origin, fenceAfterMs, nowMs);
    if (!this.#established.has(peer) || !this.#refusals.accepts(peer, origin, nowMs)) return;
    // It counts somebody of whom this node has not heard yet.
    if (known.length < count || (known.length === count && digest !== this.#digest)) return;
    this.#peers.send(peer, MessageKind.FENCE_ANSWER, (answer) => {
      answer.varint(round);
      answer.u32(origin);
      answer.varint(known.length);
    });
  }

  #receiveAnswer(peer: string, body: ByteReader): void {
    const number = body.varint();
    const origin = body.u32();
    const count = body.varint();
    const round = this.#rounds.find((one) => one.number === number);
    const member = this.#census.member(peer);
    if (round === undefined || origin !== this.#origin) return;
    if (member === undefined || member.region !== this.#region || !this.#established.has(peer)) return;
    round.answered.add(peer);
    round.count = Math.max(round.count, count);
    if (round.answered.size + 1 < majorityOf(round.count) || round.sentMs <= this.#provenMs) return;
    this.#provenMs = round.sentMs;
    this.#provenWallMs = round.sentWallMs;
  }

  #beginRound(nowMs: number): void {
    this.#dueMs = nowMs + this.#fenceAfterMs / ROUNDS;
    const counted = this.#census.of(this.#region);
    const number = this.#nextRound++;
    const sentWallMs = this.#clock.now();
    this.#rounds.push({ number, sentMs: nowMs, sentWallMs, answered: new Set(), count: counted.length });
    if (this.#rounds.length > ROUNDS) this.#rounds.shift();
    for (const member of counted) {
      if (member.id === this.#ownId || !isLive(member)) continue;
      this.#peers.send(member.id, MessageKind.FENCE_PROBE, (body) => {
        body.varint(number);
        body.u32(this.#origin);
        body.varint(this.#fenceAfterMs);
        body.varint(counted.length);
        body.u32(this.#digest);
      });
    }
  }

  /** Newcomers are established when they have been alive for long enough. */
  #establish(serves: boolean, nowMs: number): void {
    if (!serves) {
      this.#seenSince.clear();
      return;
    }
    for (const member of this.#census.of(this.#region)) {
      if (this.#established.has(member.id)) continue;
      const sinceMs = this.#seenSince.get(member.id);
      if (!isLive(member)) this.#seenSince.delete(member.id);
      else if (sinceMs === undefined) this.#seenSince.set(member.id, nowMs);
      else if (nowMs - sinceMs > this.#fenceAfterMs) this.#establishOne(member.id);
    }
  }

  #establishOne(id: string): void {
    this.#established.add(id);
    this.#seenSince.delete(id);
  }

  #refresh(): void {
    if (!this.#census.refresh()) return;
    const nowMs = this.#clock.monotonic();
    const counted = new Set(this.#census.of(this.#region).map((member) => member.id));
    for (const id of this.#established) if (!counted.has(id)) this.#established.delete(id);
    for (const id of this.#seenSince.keys()) if (!counted.has(id)) this.#seenSince.delete(id);
    this.#digest = this.#census.digest(this.#region);
    const fences = this.#census.fences(this.#region);
    if (fences && !this.#fences) {
      this.#provenMs = nowMs + (GRACE - 1) * this.#fenceAfterMs;
      this.#provenWallMs = this.#clock.now() + (GRACE - 1) * this.#fenceAfterMs;
      this.#dueMs = nowMs;
    }
    this.#fences = fences;
    this.#refusals.update(nowMs);
  }
}
