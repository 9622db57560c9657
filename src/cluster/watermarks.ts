/**
 * How far this node has applied each origin: for each, the highest version below which nothing is missing.
 *
 * A watermark only rises: with the origin's own stream, and at the end of a complete pull; what is synced or pulled does not
 * raise it. Beside it stands how far that is journaled, which is what a restart may rely on; where nothing is journaled,
 * whoever raises the one raises the other.
 *
 * Limit: `MAX_ORIGINS`. Policy: the lowest watermark is forgotten. Who is asked from 0 again sends more than is needed, and
 * nothing is lost.
 */

/** Origins whose watermarks are kept. */
export const MAX_ORIGINS = 16_384;

export interface Watermark {
  readonly origin: number;
  readonly version: number;
}

export class Watermarks {
  readonly #applied = new Map<number, number>();
  readonly #journaled = new Map<number, number>();
  readonly #maxOrigins: number;
  #list: readonly Watermark[] | undefined;

  constructor(maxOrigins: number = MAX_ORIGINS) {
    this.#maxOrigins = maxOrigins;
  }

  get size(): number {
    return this.#applied.size;
  }

  /** The watermark of an origin, 0 if nothing of it was applied. */
  of(origin: number): number {
    return this.#applied.get(origin) ?? 0;
  }

  /** All of `origin` up to `version` has been applied. A lower version than before changes nothing. */
  raise(origin: number, version: number): void {
    const before = this.#applied.get(origin);
    if (version <= (before ?? 0)) return;
    if (before === undefined && this.#applied.size >= this.#maxOrigins) this.#forgetLowest();
    this.#applied.set(origin, version);
    this.#list = undefined;
  }

  /** Back to a watermark that stands for less: what was pulled in the meantime may not be all that is still to come. */
  rewind(origin: number, version: number): void {
    if (version >= this.of(origin)) return;
    this.#applied.set(origin, version);
    this.#journaled.set(origin, Math.min(version, this.#journaled.get(origin) ?? 0));
    this.#list = undefined;
  }

  /** How far the origin is journaled as well; never above its watermark. */
  journaled(origin: number): number {
    return Math.min(this.#journaled.get(origin) ?? 0, this.of(origin));
  }

  /** All of `origin` up to `version` has been journaled. A lower version than before changes nothing. */
  raiseJournaled(origin: number, version: number): void {
    if (version > (this.#journaled.get(origin) ?? 0)) this.#journaled.set(origin, version);
    if (this.#journaled.size > 2 * this.#maxOrigins) this.#dropUnknown();
  }

  /** All watermarks, by origin. The same array until something changes. */
  list(): readonly Watermark[] {
    this.#list ??= [...this.#applied]
      .map(([origin, version]) => ({ origin, version }))
      .sort((a, b) => a.origin - b.origin);
    return this.#list;
  }

  /** The origin is gone, and nothing of it can arrive any more. */
  forget(origin: number): void {
    if (this.#applied.delete(origin)) this.#list = undefined;
    this.#journaled.delete(origin);
  }

  #forgetLowest(): void {
    let lowest = 0;
    let lowestVersion = Number.POSITIVE_INFINITY;
    for (const [origin, version] of this.#applied) {
      if (version > lowestVersion || (version === lowestVersion && origin > lowest)) continue;
      lowest = origin;
      lowestVersion = version;
    }
    this.forget(lowest);
  }

  #dropUnknown(): void {
    for (const origin of this.#journaled.keys()) if (!this.#applied.has(origin)) this.#journaled.delete(origin);
  }
}
