/**
 * Detours: rings by which an origin sent while this node never adopted them. What the origin stamped meanwhile went to that
 * ring's owners, and this node may have been none of them, although it is an owner by the ring before and by the one after;
 * its watermark of the origin passed all the same, because markers and heartbeats go to everybody.
 *
 * For each origin whose last marker names a ring that is not known here, it is remembered from where on. If the ring is
 * adopted, nothing was missed: the slots that it gives are synced. If the origin goes on to another ring first, everything
 * from there on has to be fetched.
 *
 * The same goes for an origin that was taken for gone and pulled: what it stamped for this node alone nobody else could give,
 * but the watermark is that of the others now. If it turns out to live, its first marker says so, and it is asked itself.
 *
 * Limits: `MAX_KNOWN` rings are known; one that was adopted longer ago counts as unknown, and costs a pull. `MAX_ORIGINS`
 * origins are remembered; policy: the one that has been for longest is forgotten, as one that will not come back.
 */
import type { Watermarks } from "./watermarks.ts";

const MAX_KNOWN = 64;
const MAX_ORIGINS = 4_096;
/** The number of no ring: whatever ring is named next is another one. */
const GONE = -1;

interface Detour {
  readonly ring: number;
  /** This node's watermark of the origin when the marker came. */
  readonly since: number;
}

export class Detours {
  readonly #watermarks: Watermarks;
  /** Numbers of adopted rings, oldest first. */
  readonly #known: number[] = [];
  readonly #detours = new Map<number, Detour>();

  constructor(watermarks: Watermarks) {
    this.#watermarks = watermarks;
  }

  adopted(ring: number): void {
    const at = this.#known.indexOf(ring);
    if (at >= 0) this.#known.splice(at, 1);
    this.#known.push(ring);
    if (this.#known.length > MAX_KNOWN) this.#known.shift();
    for (const [origin, detour] of this.#detours) if (detour.ring === ring) this.#detours.delete(origin);
  }

  /** @returns the version above which everything of the origin has to be fetched, if anything */
  marker(origin: number, ring: number): number | undefined {
    const before = this.#detours.get(origin);
    if (before?.ring === ring) return undefined;
    if (this.#known.includes(ring)) this.#detours.delete(origin);
    else this.#set(origin, { ring, since: this.#watermarks.of(origin) });
    return before?.since;
  }

  /** From where on the origin sends by a ring that is not known here. */
  since(origin: number): number | undefined {
    return this.#detours.get(origin)?.since;
  }

  /** The origin is gone, as it seems, and what is above `since` is got from others. */
  gone(origin: number, since: number): void {
    this.#set(origin, { ring: GONE, since: Math.min(since, this.since(origin) ?? since) });
  }

  #set(origin: number, detour: Detour): void {
    this.#detours.delete(origin);
    this.#detours.set(origin, detour);
    if (this.#detours.size <= MAX_ORIGINS) return;
    const [oldest] = this.#detours.keys();
    this.#detours.delete(oldest);
  }
}
