/**
 * Electorate: who is counted when a majority of the own region is needed, and whose answers count. What it is good for is
 * said in fence.ts.
 *
 * In parts of `fenceAfterMs`: a newcomer is counted after a half, its answers after one and a tenth, if it has been alive and this
 * node has served without a break meanwhile (or nobody is known who could: then the region is founded). In between there may be no majority; but a majority from before the half
 * lasts until one and a half.
 */
import type { Census } from "./census.ts";
import { isLive, MemberState } from "./member.ts";

const COUNTED_AFTER = 0.5;
const ESTABLISHED_AFTER = 1.1;

export class Electorate {
  readonly #ownId: string;
  readonly #region: string;
  readonly #fenceAfterMs: number;
  readonly #census: Census;
  /** Since when others are known, dead or alive. */
  readonly #knownSince = new Map<string, number>();
  /** Since when newcomers have been alive without a break in which this node did not serve. */
  readonly #seenSince = new Map<string, number>();
  readonly #established = new Set<string>();
  /** Lives of others who have had a majority. */
  readonly #seniors = new Map<string, number>();
  #isSenior: boolean;
  #count = 1;

  constructor(options: { id: string; region: string; fenceAfterMs: number; census: Census }) {
    this.#ownId = options.id;
    this.#region = options.region;
    this.#fenceAfterMs = options.fenceAfterMs;
    this.#census = options.census;
    for (const { id } of this.#census.of(this.#region)) {
      this.#established.add(id);
      this.#knownSince.set(id, Number.NEGATIVE_INFINITY);
    }
    this.#count = this.#established.size;
    this.#isSenior = this.#census.fences(this.#region);
  }

  /** Members of whom a majority is needed. */
  get count(): number {
    return this.#count;
  }

  /** True if this life has had a majority, or knew its region from disk. */
  get isSenior(): boolean {
    return this.#isSenior;
  }

  /** True if this node may find for itself that it has a majority: nobody is known who could admit it, so the region is founded. */
  get mayCount(): boolean {
    return this.#isSenior || this.#seniors.size === 0;
  }

  isEstablished(id: string): boolean {
    return this.#established.has(id);
  }

  hearSenior(id: string, origin: number): void {
    this.#seniors.set(id, origin);
  }

  hadMajority(): void {
    this.#isSenior = true;
  }

  /** Those whose answers do not count yet. */
  newcomers(): string[] {
    return [...this.#knownSince.keys()].filter((id) => !this.#established.has(id));
  }

  /** A senior who serves admits this node: it takes over who is established, of whom it knows. */
  admitted(newcomers: ReadonlySet<string>): void {
    this.#isSenior = true;
    for (const id of this.#knownSince.keys()) if (!newcomers.has(id)) this.#establish(id);
  }

  /** The census has changed. */
  update(nowMs: number): void {
    const known = new Set<string>();
    for (const { id } of this.#census.of(this.#region)) {
      known.add(id);
      if (!this.#knownSince.has(id)) this.#knownSince.set(id, nowMs);
    }
    for (const id of this.#knownSince.keys()) {
      if (known.has(id)) continue;
      this.#knownSince.delete(id);
      this.#seenSince.delete(id);
      this.#established.delete(id);
    }
    for (const [id, origin] of this.#seniors) {
      const member = this.#census.member(id);
      if (member === undefined || member.origin !== origin || member.state === MemberState.LEFT)
        this.#seniors.delete(id);
    }
    this.#recount(nowMs);
  }

  /** @param serves true if this node has served up to now */
  tick(serves: boolean, nowMs: number): void {
    if (this.#count < this.#knownSince.size) this.#recount(nowMs);
    const isFounding = !this.#isSenior && this.mayCount;
    if (!serves && !isFounding) this.#seenSince.clear();
    if (!(serves || isFounding) || this.#established.size === this.#knownSince.size) return;
    for (const member of this.#census.of(this.#region)) {
      if (this.#established.has(member.id)) continue;
      const sinceMs = this.#seenSince.get(member.id);
      if (!isLive(member)) this.#seenSince.delete(member.id);
      else if (sinceMs === undefined) this.#seenSince.set(member.id, nowMs);
      else if (nowMs - sinceMs > ESTABLISHED_AFTER * this.#fenceAfterMs) this.#establish(member.id);
    }
  }

  #establish(id: string): void {
    this.#established.add(id);
    this.#seenSince.delete(id);
  }

  #recount(nowMs: number): void {
    let count = 0;
    for (const [id, sinceMs] of this.#knownSince) {
      if (id === this.#ownId || nowMs - sinceMs >= COUNTED_AFTER * this.#fenceAfterMs) count++;
    }
    this.#count = count;
  }
}
