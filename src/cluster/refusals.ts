/**
 * Refusals: which lives cannot be serving any more, because a majority of their region has refused to answer them for so long.
 *
 *     FENCE_REPORT   count (varint)   id (text)   origin (u32)   id ...     lives that the sender has refused for long enough
 *
 * A member does not answer fence probes of a life that it holds for dead, so that life serves at most until its own
 * `fenceAfterMs` after the moment at which it was last answered. A member that has refused it for that long, and 10 % longer
 * because clocks drift, reports it to everybody, again and again. Where fresh reports come from a majority of its region, as
 * the largest of their counts has it, the life is fenced: any majority that could have answered it has one of them in it.
 *
 * Only who is known to fence can be refused: a life is reported only by those whom it has itself sent a fence probe, and
 * only when its time of grace (fence.ts) is over. While newcomers are not yet counted by everybody, a life is refused for
 * another `fenceAfterMs`: by then the majorities in which they were not counted are over. Whoever reported a life and then hears that it lives does not answer it for
 * twice `fenceAfterMs`, so that no report that is still fresh somewhere becomes untrue.
 *
 * Limits: `MAX_LIVES` refused lives, and so many of each reporter (policy: further ones are not reported, so the region stays
 * unproven). A life that was replaced is refused for `REPLACED_KEPT_MS`.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import { isOrigin } from "../core/version.ts";
import { type Census, majorityOf } from "./census.ts";
import { isLive, type Member, MemberState } from "./member.ts";
import { readName, writeText } from "./member-codec.ts";
import { MessageKind } from "./message.ts";
import type { PeerSender } from "./peers.ts";

const MAX_LIVES = 1_000;
const REPLACED_KEPT_MS = 60_000;
/** Clocks may run apart by this factor. */
const DRIFT = 1.1;
/** Of its `fenceAfterMs`, how long a life serves without a majority at most after its first fence probe. */
export const GRACE = 3;
/** Of it, how long newcomers make a difference to who is counted, and how much longer a life is refused meanwhile. */
const UNSETTLED = 3;
const UNSETTLED_LONGER = 1;
/** A report is sent so many times within the time for which it is fresh. */
const REPORTS = 3;

/** A life that has fence-probed this node. */
interface Fencing {
  readonly origin: number;
  readonly sinceMs: number;
  readonly fenceAfterMs: number;
}

interface Refused {
  readonly id: string;
  readonly origin: number;
  readonly sinceMs: number;
  readonly fencing: Fencing | undefined;
}

interface Report {
  readonly atMs: number;
  readonly count: number;
  readonly lives: ReadonlySet<string>;
}

export class Refusals {
  readonly #ownId: string;
  readonly #region: string;
  readonly #fenceAfterMs: number;
  readonly #census: Census;
  readonly #peers: PeerSender;
  /** By id: the life that probed last. */
  readonly #fencing = new Map<string, Fencing>();
  readonly #refused = new Map<string, Refused>();
  /** By name of the life: until when it is not answered, although it lives again. */
  readonly #notBefore = new Map<string, number>();
  readonly #reports = new Map<string, Report>();
  #before = new Map<string, Member>();
  #dueMs = 0;
  /** When a newcomer was seen last. */
  #grewMs = Number.NEGATIVE_INFINITY;

  constructor(options: { id: string; region: string; fenceAfterMs: number; census: Census; peers: PeerSender }) {
    this.#ownId = options.id;
    this.#region = options.region;
    this.#fenceAfterMs = options.fenceAfterMs;
    this.#census = options.census;
    this.#peers = options.peers;
  }

  /** A life of a member has sent a fence probe: it fences itself. */
  fences(id: string, origin: number, fenceAfterMs: number, nowMs: number): void {
    const known = this.#fencing.get(id);
    if (known?.origin !== origin) this.#fencing.set(id, { origin, sinceMs: nowMs, fenceAfterMs });
  }

  /** True if this node answers the life. */
  accepts(id: string, origin: number, nowMs: number): boolean {
    const member = this.#census.member(id);
    if (member === undefined || member.origin !== origin || !isLive(member)) return false;
    return nowMs >= (this.#notBefore.get(lifeOf(id, origin)) ?? Number.NEGATIVE_INFINITY);
  }

  /** The census has changed: refuses the lives that have died since, and no longer those that live again. */
  update(nowMs: number): void {
    for (const { id, origin, state, region } of this.#census.all) {
      if (region !== this.#region || id === this.#ownId) continue;
      const before = this.#before.get(id);
      if (before === undefined && state !== MemberState.LEFT) this.#grewMs = nowMs;
      if (before !== undefined && before.origin !== origin) this.#refuse(id, before.origin, nowMs);
      if (state === MemberState.DEAD) this.#refuse(id, origin, nowMs);
      else this.#accept(id, origin, nowMs);
    }
    this.#before = new Map(this.#census.of(this.#region).map((member) => [member.id, member]));
  }

  tick(nowMs: number): void {
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + this.#fenceAfterMs / REPORTS;
    this.#clean(nowMs);
    const proven = [...this.#refused.values()].filter((refused) => this.#isLongEnough(refused, nowMs));
    if (proven.length === 0) return;
    const count = this.#census.of(this.#region).length;
    for (const member of this.#census.all) {
      if (!isLive(member) || member.id === this.#ownId) continue;
      this.#peers.send(member.id, MessageKind.FENCE_REPORT, (body) => {
        body.varint(count);
        for (const { id, origin } of proven) {
          writeText(body, id);
          body.u32(origin);
        }
      });
    }
  }

  /** @throws {ReadError} if the report is not well-formed */
  receive(peer: string, body: ByteReader, nowMs: number): void {
    const count = body.varint();
    const lives = new Set<string>();
    while (body.left > 0) {
      const id = readName(body);
      const origin = body.u32();
      if (!isOrigin(origin)) throw new ReadError("a life that is refused has the origin 0");
      if (lives.size < MAX_LIVES) lives.add(lifeOf(id, origin));
    }
    if (this.#census.member(peer) !== undefined) this.#reports.set(peer, { atMs: nowMs, count, lives });
  }

  /** True if the life cannot be serving any more, as a majority of its region knows. */
  isFenced(id: string, origin: number, nowMs: number): boolean {
    const region = this.#census.member(id)?.region;
    if (region === undefined || !this.#census.fences(region)) return false;
    const life = lifeOf(id, origin);
    let count = this.#census.of(region).length;
    let refusers = 0;
    const own = this.#refused.get(life);
    if (region === this.#region && own !== undefined && this.#isLongEnough(own, nowMs)) refusers++;
    for (const member of this.#census.of(region)) {
      const report = this.#reports.get(member.id);
      if (report === undefined || !isLive(member) || member.id === id) continue;
      if (nowMs - report.atMs > this.#fenceAfterMs || !report.lives.has(life)) continue;
      count = Math.max(count, report.count);
      refusers++;
    }
    return refusers >= majorityOf(count);
  }

  #refuse(id: string, origin: number, nowMs: number): void {
    const life = lifeOf(id, origin);
    if (this.#refused.has(life) || this.#refused.size >= MAX_LIVES) return;
    const fencing = this.#fencing.get(id);
    this.#refused.set(life, { id, origin, sinceMs: nowMs, fencing: fencing?.origin === origin ? fencing : undefined });
  }

  #accept(id: string, origin: number, nowMs: number): void {
    const life = lifeOf(id, origin);
    const refused = this.#refused.get(life);
    if (refused === undefined) return;
    this.#refused.delete(life);
    if (this.#isLongEnough(refused, nowMs)) this.#notBefore.set(life, nowMs + 2 * longer(refused, this.#fenceAfterMs));
  }

  #isLongEnough({ sinceMs, fencing }: Refused, nowMs: number): boolean {
    if (fencing === undefined) return false;
    const { fenceAfterMs } = fencing;
    const isSettled = nowMs - this.#grewMs > UNSETTLED * fenceAfterMs;
    const times = DRIFT + (isSettled ? 0 : UNSETTLED_LONGER);
    return nowMs - sinceMs > fenceAfterMs * times && nowMs - fencing.sinceMs > fenceAfterMs * GRACE * DRIFT;
  }

  #clean(nowMs: number): void {
    for (const [life, { id, origin, sinceMs }] of this.#refused) {
      const member = this.#census.member(id);
      const isReplaced = member !== undefined && member.origin !== origin && nowMs - sinceMs > REPLACED_KEPT_MS;
      if (member === undefined || member.state === MemberState.LEFT || isReplaced) this.#refused.delete(life);
    }
    for (const [life, untilMs] of this.#notBefore) if (nowMs >= untilMs) this.#notBefore.delete(life);
    for (const id of this.#fencing.keys()) if (this.#census.member(id) === undefined) this.#fencing.delete(id);
    for (const [id, { atMs }] of this.#reports) if (nowMs - atMs > this.#fenceAfterMs) this.#reports.delete(id);
  }
}

function lifeOf(id: string, origin: number): string {
  return `${origin} ${id}`;
}

function longer({ fencing }: Refused, fenceAfterMs: number): number {
  return Math.max(fenceAfterMs, fencing?.fenceAfterMs ?? 0);
}
