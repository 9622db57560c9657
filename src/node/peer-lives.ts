/**
 * The lives of other nodes: which origins are gone, so that what they left behind is got from others, and what is to be made
 * up for when one that was taken for dead is alive after all.
 *
 * A hello tells of origins of which this node knows nothing, and of some that it is behind on. Whether such an origin is gone
 * is known when the members are: so a claim waits a moment, and is dropped if the origin turns out to live. What everybody has
 * (`stable`) is claimed in vain.
 *
 * A pull of a dead member's origin raises its watermark to what others have received; but of a stream to this node alone they
 * have nothing. If the member turns out to live, its stream goes on where it had really come to. Limit: claims of `MAX_CLAIMS`
 * origins; policy: further ones are dropped, the next hello tells them again.
 */
import { isLive, type Member } from "../cluster/member.ts";
import type { Watermark, Watermarks } from "../cluster/watermarks.ts";

/** Time in which gossip tells of the members that a hello's sender knows, ms. */
const CLAIM_MS = 500;
const MAX_CLAIMS = 4_096;
/** How often origins are looked for that can be forgotten. */
const FORGET_MS = 1_000;

interface Claim {
  readonly peers: Set<string>;
  readonly dueMs: number;
}

export interface PeerLivesOptions {
  readonly watermarks: Watermarks;
  readonly members: () => readonly Member[];
  readonly monotonic: () => number;
  readonly stable: () => number;
  /** Gets what an origin that is gone left behind. */
  readonly pull: (origin: number, peers?: readonly string[]) => void;
}

export class PeerLives {
  readonly #options: PeerLivesOptions;
  readonly #claims = new Map<number, Claim>();
  /** By origin of members that are dead: how far their streams had come. */
  readonly #ended = new Map<number, number>();
  /** The same, and kept when the member is back in another life, until everybody has what the one before left. */
  readonly #streamed = new Map<number, number>();
  #forgetDueMs = 0;

  constructor(options: PeerLivesOptions) {
    this.#options = options;
  }

  /** True if there are claims that have not been looked at: something may still have to be pulled. */
  get hasClaims(): boolean {
    return this.#claims.size > 0;
  }

  /** True for an origin whose watermark stands for what others have received, not for its stream. */
  isEnded(origin: number): boolean {
    return this.#ended.has(origin);
  }

  /** How far the stream of a life that is gone had come to this node; Infinity for all others. */
  streamedTo(origin: number): number {
    return this.#streamed.get(origin) ?? Number.POSITIVE_INFINITY;
  }

  /** A peer's hello said how far it has received everybody. */
  claimed(peer: string, watermarks: readonly Watermark[]): void {
    const { watermarks: own, monotonic, stable } = this.#options;
    for (const { origin, version } of watermarks) {
      if (version <= Math.max(own.of(origin), stable()) || this.#isLive(origin)) continue;
      const claim = this.#claims.get(origin);
      if (claim !== undefined) claim.peers.add(peer);
      else if (this.#claims.size < MAX_CLAIMS) {
        this.#claims.set(origin, { peers: new Set([peer]), dueMs: monotonic() + CLAIM_MS });
      }
    }
  }

  /** A member is dead, or has begun another life. */
  gone(member: Member): void {
    const { watermarks, pull } = this.#options;
    if (!this.#ended.has(member.origin)) this.#ended.set(member.origin, watermarks.of(member.origin));
    this.#streamed.set(member.origin, this.#ended.get(member.origin) ?? 0);
    pull(member.origin);
  }

  /** A member that was dead is alive, in the same life or another one. */
  returned(member: Member, before: Member): void {
    if (member.origin !== before.origin) {
      this.#ended.delete(before.origin);
      return;
    }
    const version = this.#ended.get(member.origin);
    this.#streamed.delete(member.origin);
    this.#ended.delete(member.origin);
    if (version !== undefined) this.#options.watermarks.rewind(member.origin, version);
  }

  tick(): void {
    if (this.#claims.size === 0) return;
    const { monotonic, pull } = this.#options;
    const nowMs = monotonic();
    for (const [origin, claim] of this.#claims) {
      if (nowMs < claim.dueMs) continue;
      this.#claims.delete(origin);
      if (!this.#isLive(origin)) pull(origin, [...claim.peers].sort());
    }
  }

  /** Nobody will ask for these origins again: their members are in other lives, and everybody has what they left. */
  forgetOld(): void {
    const { watermarks, stable, monotonic } = this.#options;
    if (monotonic() < this.#forgetDueMs) return;
    this.#forgetDueMs = monotonic() + FORGET_MS;
    const upTo = stable();
    const known = new Set(this.#options.members().map(({ origin }) => origin));
    for (const { origin, version } of watermarks.list()) {
      if (version > upTo || known.has(origin)) continue;
      watermarks.forget(origin);
      this.#ended.delete(origin);
    }
    for (const origin of this.#streamed.keys()) {
      if (!known.has(origin) && watermarks.of(origin) <= upTo) this.#streamed.delete(origin);
    }
  }

  #isLive(origin: number): boolean {
    return this.#options.members().some((member) => member.origin === origin && isLive(member));
  }
}
