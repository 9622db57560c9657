/**
 * Membership: who is in the cluster, and alive, as SWIM and Lifeguard find out.
 *
 * Each `probeIntervalMs` one member after the other is probed, in an order that is drawn anew for each round (probes.ts). Who
 * does not answer, neither directly nor through others, is suspect, which is gossiped (gossip.ts), and dead if it does
 * not refute in time (suspicions.ts). Whoever hears of a suspicion probes the suspect itself at once: so a member that is
 * there hears of it from all sides and refutes, and one that is not is accused by several within a moment. A link that is
 * lost is a reason to probe at once too.
 *
 * Everything is told to who is new, and to whoever turns out to know something else (telling.ts). Statements about a member are ordered (member-table.ts), so all arrive at the same whatever was lost or overtaken.
 *
 * Deadlines count only the time in which this node is awake: a process that was stopped for a minute does not find that
 * everybody has been silent for a minute. Durations grow with poor local health (local-health.ts).
 *
 * A dead member is remembered for `forgetDeadMs`, because invalidations have to know whom they did not reach, and then
 * counts as having left; who left is forgotten after ten minutes.
 */
import type { ByteReader } from "../core/byte-reader.ts";
import type { Clock, Random } from "../core/ports.ts";
import { ClockOffsets } from "./clock-offsets.ts";
import type { ClusterConfig } from "./cluster-config.ts";
import { Gossip, readRumors } from "./gossip.ts";
import { LATE_TICK_MS, LocalHealth } from "./local-health.ts";
import { isLive, type Member, MemberState } from "./member.ts";
import { counts, differs, MemberTable } from "./member-table.ts";
import { MessageKind } from "./message.ts";
import { firstIncarnation, OwnStatement } from "./own-statement.ts";
import type { PeerSender } from "./peers.ts";
import { ProbeRound } from "./probe-round.ts";
import { isProbed, Probes, type ProbeView, type Statement } from "./probes.ts";
import { RoundTrips } from "./round-trips.ts";
import { Suspicions } from "./suspicions.ts";
import { Telling } from "./telling.ts";

/** With more members than this two are probed in each interval, because it takes longer until somebody asks a certain one. */
const MANY_MEMBERS = 4;
/** How often a suspect is probed again, and longer in proportion to all who do the same. */
const SUSPECT_PROBE_MS = 100;
const SUSPECT_PROBE_MS_PER_MEMBER = 2;
/** How long those who left are remembered, so that an old rumor does not bring them back. */
const LEFT_KEPT_MS = 600_000;
/** A member to whom there was no link yet is not probed for so long: only those who know it better can say that it is gone. */
const STRANGER_MS = 5_000;

export interface MembershipOptions {
  readonly config: ClusterConfig;
  /** This life of the node. */
  readonly origin: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly peers: PeerSender;
  /** Is told what probes find out about clocks. */
  readonly offsets?: ClockOffsets;
  /** A member is new, or something of it has changed, its state for example; this node's own included. */
  readonly onChange: (member: Member, before: Member | undefined) => void;
  /** False while dead members must not be forgotten, because this node may be on the smaller side of a partition. */
  readonly mayForget?: () => boolean;
}

export class Membership {
  readonly #config: ClusterConfig;
  readonly #clock: Clock;
  readonly #offsets: ClockOffsets;
  readonly #onChange: (member: Member, before: Member | undefined) => void;
  readonly #mayForget: () => boolean;
  readonly #own: OwnStatement;
  readonly #table: MemberTable;
  readonly #gossip = new Gossip();
  readonly #suspicions: Suspicions;
  readonly #health = new LocalHealth();
  readonly #roundTrips: RoundTrips;
  readonly #probes: Probes;
  readonly #telling: Telling;
  /** Since when (active time) a member is dead or has left. */
  readonly #gone = new Map<string, number>();
  /** Since when (active time) lives are known that this node was never linked to. */
  readonly #strangers = new Map<string, number>();
  readonly #round: ProbeRound;
  #activeMs = 0;
  #lastTickMs: number;
  #probeDueMs: number;

  constructor(options: MembershipOptions) {
    const { config, origin, clock, random, peers } = options;
    this.#config = config;
    this.#clock = clock;
    this.#offsets = options.offsets ?? new ClockOffsets(() => clock.monotonic());
    this.#onChange = options.onChange;
    this.#mayForget = options.mayForget ?? (() => true);
    this.#lastTickMs = clock.monotonic();
    this.#round = new ProbeRound(random);
    // Not all at the same moment, if all are started together.
    this.#probeDueMs = random.uint32() % config.probeIntervalMs;
    const { id, region, zone, weight, replicas, address } = config;
    const incarnation = firstIncarnation(clock.now());
    const self: Member = { id, origin, incarnation, state: MemberState.ALIVE, region, zone, weight, replicas, address };
    this.#own = new OwnStatement(self, () => clock.monotonic());
    this.#table = new MemberTable(self, config.maxMembers);
    this.#telling = new Telling({ gossip: this.#gossip, table: this.#table, peers, random });
    this.#suspicions = new Suspicions(config.suspicionMs);
    this.#roundTrips = new RoundTrips(config.probeTimeoutMs);
    this.#probes = new Probes({
      view: this.#createView(origin),
      peers,
      random,
      health: this.#health,
      roundTrips: this.#roundTrips,
      longestMs: config.probeTimeoutMs,
    });
  }

  /** This node, as it says itself. */
  get self(): Member {
    return this.#own.member;
  }

  /** True if another life has taken over the name: this one takes no part any more, and is to be stopped. */
  get isSuperseded(): boolean {
    return this.#own.isSuperseded;
  }

  /** Members that were not taken in for want of room, since the start. */
  get refused(): number {
    return this.#table.refused;
  }

  /** What this node thinks of its own health: 0, good, to 8. */
  get healthScore(): number {
    return this.#health.score;
  }

  member(id: string): Member | undefined {
    return this.#table.get(id);
  }

  /** Everybody that is known, this node included, by id; the same array until something changes. */
  list(): readonly Member[] {
    return this.#table.list();
  }

  /** Those who are alive, this node included, by id; the same array until something changes. */
  live(): readonly Member[] {
    return this.#table.live();
  }

  /** The smoothed round trip to a peer, ms. */
  roundTripMs(id: string): number | undefined {
    return this.#roundTrips.smoothedMs(id);
  }

  /** There is a link to a peer. */
  linked(peer: string): void {
    this.#telling.tellDigest(peer);
    if (this.#suspicions.get(peer) !== undefined) this.#probe(peer);
  }

  /** A link is lost. */
  unlinked(peer: string): void {
    this.#probes.cancel(peer);
    this.#probe(peer);
  }

  /** Members that an earlier life knew: taken for dead until they are heard of. Before anything else is done. */
  know(members: readonly Member[]): void {
    for (const member of members) {
      if (member.id === this.#config.id) continue;
      // Whatever is heard of it counts more than what was known in another life.
      this.#table.set({ ...member, incarnation: 0, state: MemberState.DEAD });
      this.#gone.set(member.id, this.#activeMs);
    }
  }

  /** A peer says over its own link who it is. If that is news it may be new, and is told everything. */
  introduce(member: Member): void {
    const known = this.#table.get(member.id);
    if (known === undefined || !isLive(known) || known.origin !== member.origin)
      this.#telling.tellEverything(member.id);
    this.#hear(member.id, member, "");
    if (this.#table.get(member.id)?.origin === member.origin) this.#strangers.delete(member.id);
    // To know from the start how long its answers take, and what its clock says.
    if (this.#roundTrips.smoothedMs(member.id) === undefined) this.#probe(member.id);
  }

  /** @throws {ReadError} if the body is not what the kind demands */
  receive(peer: string, kind: number, body: ByteReader): void {
    if (this.#own.isSuperseded) return;
    if (kind !== MessageKind.GOSSIP) return this.#probes.receive(peer, kind, body);
    this.#telling.receive(peer, body, this.#activeMs, () => this.#readRumors(peer, body));
  }

  tick(): void {
    const monotonicMs = this.#clock.monotonic();
    const gapMs = monotonicMs - this.#lastTickMs;
    this.#lastTickMs = monotonicMs;
    this.#activeMs += Math.min(Math.max(0, gapMs), LATE_TICK_MS);
    this.#health.ticked(gapMs);
    if (this.#own.isSuperseded) return;
    if (!this.#own.hasLeft) {
      this.#probes.tick();
      this.#tickSuspicions();
      if (this.#activeMs >= this.#probeDueMs) this.#probeNext();
      this.#forgetGone();
    }
    this.#telling.tick(this.#activeMs);
  }

  /**
   * Sets this node's share of its region's slots.
   *
   * @param weight as in the configuration
   */
  setWeight(weight: number): void {
    if (weight !== this.self.weight) this.#say(this.#own.change({ weight }));
  }

  /** Says that this node leaves for good: everybody linked is told at once, and nobody waits for it any more. */
  leave(): void {
    if (this.#own.hasLeft) return;
    this.#say(this.#own.change({ state: MemberState.LEFT }));
  }

  /**
   * Gives a dead member up for good, as if it had left. If it is alive after all it says so.
   *
   * @returns false if it is not known, or not dead
   */
  forget(id: string): boolean {
    const member = this.#table.get(id);
    if (member?.state !== MemberState.DEAD) return false;
    const left: Member = { ...member, state: MemberState.LEFT };
    this.#adopt(left, member);
    this.#gossip.add(left);
    return true;
  }

  // -- What others say.

  /** @param from who says it */
  #hear(from: string, claim: Member, accuser: string): void {
    if (claim.id === this.self.id) return this.#hearOfSelf(claim);
    const known = this.#table.get(claim.id);
    if (known === undefined) {
      // It has been forgotten already, or is not worth knowing.
      if (claim.state !== MemberState.LEFT) this.#take(claim, undefined, accuser);
    } else if (counts(claim, known)) this.#take(claim, known, accuser);
    else if (counts(known, claim)) {
      // Who is wrong about itself must hear of it.
      if (from === claim.id) this.#telling.tell(from, known);
    } else if (claim.state === MemberState.SUSPECT && accuser !== "") this.#accuse(claim, accuser);
  }

  #hearOfSelf(statement: Statement): void {
    const before = this.self;
    const said = this.#own.hear(statement);
    if (said === undefined) {
      if (this.#own.isSuperseded) this.#onChange(before, before);
      return;
    }
    if (statement.origin === said.origin) this.#health.worse();
    this.#say(said);
  }

  /** Says something of itself, to everybody at once: it is rare, and others may be waiting for it. */
  #say(said: Member): void {
    const before = this.#table.get(said.id);
    this.#table.set(said);
    this.#gossip.add(said);
    for (const { id } of this.#table.others()) this.#telling.tell(id, said);
    if (before !== undefined && differs(said, before)) this.#onChange(said, before);
  }

  #take(claim: Member, known: Member | undefined, accuser: string): void {
    if (!this.#adopt(claim, known)) return;
    this.#gossip.add(claim, accuser);
    if (claim.state !== MemberState.SUSPECT) return;
    this.#accuse(claim, accuser);
    // To hear for itself; the suspect hears of it thereby.
    this.#probe(claim.id);
  }

  #adopt(claim: Member, known: Member | undefined): boolean {
    if (!this.#table.set(claim)) return false;
    const { id, state } = claim;
    if (state !== MemberState.SUSPECT || known?.origin !== claim.origin) this.#suspicions.end(id);
    if (!isLive(claim) || known?.origin !== claim.origin) this.#probes.cancel(id);
    if (isLive(claim)) this.#gone.delete(id);
    else if (known?.state !== state) this.#gone.set(id, this.#activeMs);
    if (known?.origin !== claim.origin) {
      this.#roundTrips.forget(id);
      this.#offsets.forget(id);
      this.#strangers.set(id, this.#activeMs);
    }
    if (isLive(claim) && (known === undefined || !isLive(known))) this.#round.join(id);
    if (known === undefined || differs(claim, known)) this.#onChange(claim, known);
    return true;
  }

  #accuse(suspect: Member, accuser: string): void {
    const suspicion = this.#suspicions.begin(suspect, this.#activeMs, this.#health.multiplier);
    if (accuser !== "" && this.#suspicions.accuse(suspicion, accuser)) this.#gossip.add(suspect, accuser);
  }

  // -- What probes find out.

  #probeNext(): void {
    this.#probeDueMs = this.#activeMs + this.#config.probeIntervalMs * this.#health.multiplier;
    const count = this.#table.live().length > MANY_MEMBERS ? 2 : 1;
    for (let i = 0; i < count; i++) {
      const id = this.#round.next(this.#table.others());
      if (id !== undefined) this.#probe(id);
    }
  }

  #probe(id: string): void {
    const member = this.#table.get(id);
    if (member === undefined || id === this.self.id || !isLive(member)) return;
    const strangerMs = this.#strangers.get(id);
    if (strangerMs === undefined || this.#activeMs - strangerMs >= STRANGER_MS) this.#probes.start(member);
  }

  #failed(id: string, origin: number): void {
    const member = this.#table.get(id);
    if (!isProbed(member, origin) || this.#own.hasLeft) return;
    const suspect: Member = { ...member, state: MemberState.SUSPECT };
    if (member.state === MemberState.ALIVE) {
      this.#adopt(suspect, member);
      this.#gossip.add(suspect, this.self.id);
    }
    this.#accuse(suspect, this.self.id);
  }

  #tickSuspicions(): void {
    const everyMs = SUSPECT_PROBE_MS + SUSPECT_PROBE_MS_PER_MEMBER * this.#table.live().length;
    for (const [id, suspicion] of this.#suspicions.entries()) {
      const suspect = this.#table.get(id);
      if (suspect === undefined) continue;
      const others = this.#table.live().length - 2;
      if (this.#activeMs >= this.#suspicions.deadlineMs(suspicion, others)) {
        const dead: Member = { ...suspect, state: MemberState.DEAD };
        this.#adopt(dead, suspect);
        this.#gossip.add(dead);
      } else if (this.#activeMs >= suspicion.askMs) {
        suspicion.askMs = this.#activeMs + everyMs;
        this.#probe(id);
      }
    }
  }

  #forgetGone(): void {
    for (const [id, sinceMs] of this.#gone) {
      const member = this.#table.get(id);
      const hasLeft = member?.state === MemberState.LEFT;
      if (this.#activeMs - sinceMs < (hasLeft ? LEFT_KEPT_MS : this.#config.forgetDeadMs)) continue;
      if (hasLeft) {
        this.#gone.delete(id);
        this.#table.delete(id);
        this.#gossip.forget(id);
        this.#roundTrips.forget(id);
        this.#offsets.forget(id);
        this.#strangers.delete(id);
      } else if (this.#mayForget()) this.forget(id);
    }
  }

  #readRumors(peer: string, body: ByteReader): void {
    readRumors(body, (member, accuser) => this.#hear(peer, member, accuser));
  }

  #createView(origin: number): ProbeView {
    const membership = this;
    return {
      origin,
      get self() {
        return membership.self;
      },
      get isSilent() {
        return membership.#own.hasLeft;
      },
      member: (id) => this.#table.get(id),
      others: () => this.#table.others(),
      activeMs: () => this.#activeMs,
      monotonicMs: () => this.#clock.monotonic(),
      wallMs: () => this.#clock.now(),
      hearOfSelf: (statement) => this.#hearOfSelf(statement),
      failed: (id, life) => this.#failed(id, life),
      measured: (peer, peerMs, tookMs) => this.#offsets.add(peer, peerMs, this.#clock.now(), tookMs),
      writeTail: (body, about) => this.#telling.writeTail(body, about),
      readTail: (peer, body) => {
        const digest = body.u32();
        this.#readRumors(peer, body);
        this.#telling.compare(peer, digest, this.#activeMs);
      },
    };
  }
}
