/**
 * The network between simulated nodes: a link for each pair, with two channels, each in order but not against the other.
 *
 * As on TCP, frames of a channel arrive in order. What a link that breaks had under way is lost; so is a share of all frames,
 * or some arrive twice, where a fault says so (the protocol promises to bear that). Where the way is blocked, frames wait
 * (`stall`) or are lost (`drop`), until the block is over or one of the ends takes the link for lost, each in its own time. Lost
 * links are established again after a pause, when the way is free.
 *
 * A way is blocked by as many faults as say so. The latency is that of the two regions, with jitter, and what slow ends add.
 */
import type { Cancel } from "../../src/core/ports.ts";
import type { Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** One end of links: the node of one life. */
export interface Endpoint {
  linked(peer: string): void;
  unlinked(peer: string): void;
  receive(peer: string, frame: Uint8Array, channel: number): void;
}

export interface NetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  /** One way between two regions, ms. */
  readonly latencyMs: (from: string, to: string) => number;
}

interface Place {
  readonly id: string;
  readonly region: string;
  readonly endpoint: Endpoint;
  /** To whom it wants links. */
  wants: ReadonlySet<string>;
}

interface Frame {
  readonly bytes: Uint8Array;
  readonly channel: number;
}

interface Link {
  /** The ends, the lower id first. */
  readonly ends: readonly [string, string];
  /** Grows with each establishment and each loss: what was under way before is lost. */
  generation: number;
  isUp: boolean;
  /** Which ends hold it for established. */
  readonly knows: [boolean, boolean];
  /** When the last frame arrives, for each direction and channel. */
  readonly busyUntil: [number, number, number, number];
  readonly stalled: [Frame[], Frame[]];
  /** What the ends wait for before they take the link for lost. */
  readonly suspects: [Cancel | undefined, Cancel | undefined];
  attempt: Cancel | undefined;
}

const CHANNELS = 2;
/** Longest time until an end takes a silent link for lost, ms. */
const LONGEST_SILENCE_MS = 5_000;
const FIRST_ATTEMPT_MS = 5;

export class Network {
  readonly #options: NetworkOptions;
  readonly #places = new Map<string, Place>();
  readonly #links = new Map<string, Link>();
  /** Faults that block a way. */
  readonly #blocked = new Map<string, number>();
  /** What slow ends add to each frame, ms. */
  readonly #slowMs = new Map<string, number>();
  /** Shares of all frames. */
  lossRate = 0;
  duplicateRate = 0;
  /** The longest addition to a frame's latency, as a share of it. */
  jitter = 0.3;
  /** Frames that meet a block wait for its end; otherwise they are lost. */
  stalls = true;
  /** Told of each frame that arrives, and of each that is lost. */
  onFrame: ((from: string, to: string, frame: Uint8Array, channel: number, isLost: boolean) => void) | undefined;
  readonly counts = { frames: 0, bytes: 0, lost: 0, links: 0, breaks: 0 };
  #underWay = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** Frames on their way. */
  get underWay(): number {
    return this.#underWay;
  }

  /** A node comes. Links are made to whom it wants to reach, or who wants to reach it. */
  attach(id: string, region: string, endpoint: Endpoint): void {
    this.#places.set(id, { id, region, endpoint, wants: new Set() });
  }

  /** A node wants links to these and no others. Links that are there stay. */
  reach(id: string, peers: readonly string[]): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    place.wants = new Set(peers.filter((peer) => peer !== id));
    for (const peer of place.wants) this.#attempt(this.#linkOf(id, peer), true);
  }

  /**
   * A node goes. Its peers notice at once (its machine lives and closes its sockets) or only by silence.
   */
  detach(id: string, isSilent: boolean): void {
    this.#places.delete(id);
    for (const link of this.#links.values()) {
      const end = link.ends.indexOf(id);
      if (end < 0) continue;
      link.attempt?.();
      link.attempt = undefined;
      this.#lose(link);
      link.knows[end] = false;
      const peer = 1 - end;
      this.#attempt(link, false);
      if (link.knows[peer]) this.#suspect(link, peer, isSilent ? this.#silenceMs() : this.#latencyMs(link));
    }
  }

  send(from: string, to: string, bytes: Uint8Array, channel: number): void {
    const link = this.#links.get(nameOf(from, to));
    if (link === undefined) return;
    const end = link.ends[0] === from ? 0 : 1;
    this.counts.frames++;
    this.counts.bytes += bytes.length;
    if (!link.isUp || !link.knows[end] || this.#options.random.fraction() < this.lossRate) {
      return this.#drop(from, to, bytes, channel);
    }
    if (!this.#isBlocked(from, to)) return this.#pass(link, end, { bytes, channel });
    if (this.stalls) link.stalled[end].push({ bytes, channel });
    else this.#drop(from, to, bytes, channel);
  }

  /** Blocks the way from one node to another, until `unblock` was called as often. */
  block(from: string, to: string): void {
    const name = wayOf(from, to);
    const before = this.#blocked.get(name) ?? 0;
    this.#blocked.set(name, before + 1);
    if (before > 0) return;
    const link = this.#linkOf(from, to);
    for (const end of [0, 1]) {
      if (link.knows[end] && link.suspects[end] === undefined) this.#suspect(link, end, this.#silenceMs());
    }
  }

  unblock(from: string, to: string): void {
    const name = wayOf(from, to);
    const before = this.#blocked.get(name) ?? 0;
    this.#blocked.set(name, Math.max(0, before - 1));
    if (before !== 1) return;
    const link = this.#linkOf(from, to);
    const end = link.ends[0] === from ? 0 : 1;
    for (const frame of link.stalled[end].splice(0)) this.#pass(link, end, frame);
    if (this.#isBlocked(to, from)) return;
    for (const side of [0, 1]) {
      link.suspects[side]?.();
      link.suspects[side] = undefined;
      // The other end has taken the link for lost, and says so now.
      if (!link.isUp && link.knows[side]) this.#suspect(link, side, this.#latencyMs(link));
    }
  }

  /** A link breaks; both ends notice soon. */
  cut(a: string, b: string): void {
    const link = this.#linkOf(a, b);
    if (!link.isUp) return;
    this.#lose(link);
    for (const end of [0, 1]) if (link.knows[end]) this.#suspect(link, end, this.#options.random.wait(200));
  }

  /** Everything to and from the node takes so much longer from now on. */
  slow(id: string, byMs: number): void {
    this.#slowMs.set(id, byMs);
  }

  isLinked(a: string, b: string): boolean {
    return this.#links.get(nameOf(a, b))?.isUp === true;
  }

  #isBlocked(from: string, to: string): boolean {
    return (this.#blocked.get(wayOf(from, to)) ?? 0) > 0;
  }

  #linkOf(a: string, b: string): Link {
    const name = nameOf(a, b);
    let link = this.#links.get(name);
    if (link === undefined) {
      link = {
        ends: a < b ? [a, b] : [b, a],
        generation: 0,
        isUp: false,
        knows: [false, false],
        busyUntil: [0, 0, 0, 0],
        stalled: [[], []],
        suspects: [undefined, undefined],
        attempt: undefined,
      };
      this.#links.set(name, link);
    }
    return link;
  }

  #silenceMs(): number {
    return 300 + this.#options.random.fraction() * (LONGEST_SILENCE_MS - 300);
  }

  #latencyMs(link: Link): number {
    const [from, to] = link.ends.map((id) => this.#places.get(id)?.region ?? "") as [string, string];
    const { random, latencyMs } = this.#options;
    const slowMs = (this.#slowMs.get(link.ends[0]) ?? 0) + (this.#slowMs.get(link.ends[1]) ?? 0);
    return latencyMs(from, to) * (1 + random.fraction() * this.jitter) + slowMs * random.fraction();
  }

  #drop(from: string, to: string, bytes: Uint8Array, channel: number): void {
    this.counts.lost++;
    this.onFrame?.(from, to, bytes, channel, true);
  }

  /** Puts a frame on its way. */
  #pass(link: Link, end: number, frame: Frame): void {
    const { random, scheduler } = this.#options;
    const way = end * CHANNELS + frame.channel;
    const atMs = Math.max(link.busyUntil[way], scheduler.nowMs + this.#latencyMs(link));
    link.busyUntil[way] = atMs;
    const { generation } = link;
    const from = link.ends[end];
    const to = link.ends[1 - end];
    const copies = random.fraction() < this.duplicateRate ? 2 : 1;
    for (let n = 0; n < copies; n++) {
      // Both receivers own what they get.
      const bytes = n === 0 ? frame.bytes : frame.bytes.slice();
      this.#underWay++;
      scheduler.at(atMs, () => {
        this.#underWay--;
        const place = this.#places.get(to);
        if (place === undefined || link.generation !== generation || !link.knows[1 - end]) {
          return this.#drop(from, to, bytes, frame.channel);
        }
        this.onFrame?.(from, to, bytes, frame.channel, false);
        place.endpoint.receive(from, bytes, frame.channel);
      });
    }
  }

  /** What was under way is lost. Who held the link for established still does. */
  #lose(link: Link): void {
    link.isUp = false;
    link.generation++;
    link.stalled[0].length = link.stalled[1].length = 0;
    this.counts.breaks++;
  }

  /** One end takes the link for lost after some time. */
  #suspect(link: Link, end: number, delayMs: number): void {
    link.suspects[end]?.();
    link.suspects[end] = this.#options.scheduler.after(delayMs, () => {
      link.suspects[end] = undefined;
      if (link.isUp) this.#lose(link);
      this.#tellLost(link, end);
      const other = 1 - end;
      if (link.knows[other] && link.suspects[other] === undefined) this.#suspect(link, other, this.#silenceMs());
      this.#attempt(link, false);
    });
  }

  #tellLost(link: Link, end: number): void {
    if (!link.knows[end]) return;
    link.knows[end] = false;
    this.#places.get(link.ends[end])?.endpoint.unlinked(link.ends[1 - end]);
  }

  /** Tries to establish a link, again and again until it is. */
  #attempt(link: Link, isFirst: boolean): void {
    const [a, b] = link.ends;
    if (link.attempt !== undefined || link.isUp || !(this.#wants(a, b) || this.#wants(b, a))) return;
    const { scheduler, random } = this.#options;
    const pauseMs = isFirst ? FIRST_ATTEMPT_MS * (1 + random.fraction()) : 100 + random.wait(400);
    link.attempt = scheduler.after(pauseMs + 2 * this.#latencyMs(link), () => {
      link.attempt = undefined;
      const isThere = this.#places.has(a) && this.#places.has(b);
      if (!isThere || this.#isBlocked(a, b) || this.#isBlocked(b, a)) return this.#attempt(link, false);
      if (!link.isUp) this.#establish(link);
    });
  }

  #wants(from: string, to: string): boolean {
    return this.#places.get(from)?.wants.has(to) === true;
  }

  #establish(link: Link): void {
    for (const end of [0, 1]) {
      link.suspects[end]?.();
      link.suspects[end] = undefined;
      // Who has not noticed the loss yet does now.
      this.#tellLost(link, end);
    }
    link.isUp = true;
    link.generation++;
    link.busyUntil.fill(this.#options.scheduler.nowMs);
    this.counts.links++;
    for (const end of [0, 1]) {
      link.knows[end] = true;
      this.#places.get(link.ends[end])?.endpoint.linked(link.ends[1 - end]);
    }
  }
}

function nameOf(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function wayOf(from: string, to: string): string {
  return `${from}>${to}`;
}
