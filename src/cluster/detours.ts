/**
 * Detours: rings by which an origin sent while this node never adopted them. What the origin stamped meanwhile went to that
 * ring's owners, and this node may have been none of them, although it is an owner by the ring before and by the one after;
 * its watermark of the origin passed all the same, because markers and heartbeats go to everybody.
 *
 * For each origin whose last marker names a ring that is not known here, it is remembered from where on. If the ring is
 * adopted, nothing was missed: the slots that it gives are synced. If the origin goes on to another ring first, everything
 * from there on has to be fetched.
 *
 * Limit: `MAX_KNOWN` rings are known; one that was adopted longer ago counts as unknown, and costs a pull.
 */
import type { Watermarks } from "./watermarks.ts";

const MAX_KNOWN = 64;

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
    else this.#detours.set(origin, { ring, since: this.#watermarks.of(origin) });
    return before?.since;
  }

  /** From where on the origin sends by a ring that is not known here. */
  since(origin: number): number | undefined {
    return this.#detours.get(origin)?.since;
  }

  forget(origin: number): void {
    this.#detours.delete(origin);
  }
}
