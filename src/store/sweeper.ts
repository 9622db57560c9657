/**
 * The sweeper: after an invalidation raised an epoch, walks all entries by id, in slices, takes the dead ones out and
 * marks the stale ones, so that the epoch can be forgotten. No index from tags to keys is needed for it.
 *
 * The walk goes round in laps. How far a lap reaches is fixed when it begins: entries with higher ids came later and
 * were compared when they were applied. `position` counts the ids visited since the start. An epoch that is raised
 * during a lap is done with when the rest of this lap and as much of the next one as the table reaches now have been
 * visited; one walk so serves all epochs raised before and during it.
 *
 * An epoch is forgotten when its walk is over and `stable` has passed it: nothing that it concerns is here, and nothing
 * can arrive. At a limit it is forgotten at once, and the arrival floor takes its place: what may still arrive from
 * before it is refused, whatever it is.
 */
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";
import { Fate } from "./epochs.ts";
import type { TagQueue } from "./tag-queue.ts";

const FINISH_STEP = 65_536;

export class Sweeper {
  readonly #entries: Entries;
  /** The next id of this lap, and the first one that it does not reach. */
  #cursor = 1;
  #lapEnd = 1;
  #until = 0;
  readonly #queue: TagQueue;
  #flushesSweptAt = 0;
  /** Epochs may be over that nobody has looked at. */
  #forgetDue = false;
  /** Ids visited since the start. */
  position = 0;
  /** Tags with epochs at most. Policy: the oldest epoch is forgotten and raises the arrival floor. */
  maxPending = Number.POSITIVE_INFINITY;

  constructor(entries: Entries) {
    this.#entries = entries;
    this.#queue = entries.tagQueue;
  }

  /** True while ids are waiting to be visited. */
  get working(): boolean {
    return this.position < this.#until;
  }

  /** True if a step has something to do. */
  get busy(): boolean {
    return this.#forgetDue || this.working;
  }

  /** Epochs of tags that wait to be forgotten. */
  get pending(): number {
    return this.#queue.size;
  }

  /** An epoch was raised: the position at which the walk for it is over. */
  request(): number {
    const { limit } = this.#entries.table;
    if (!this.working) {
      this.#cursor = 1;
      this.#lapEnd = limit;
    }
    const left = Math.max(0, this.#lapEnd - this.#cursor);
    const next = limit > this.#lapEnd ? limit - 1 : this.#cursor - 1;
    this.#until = Math.max(this.#until, this.position + left + next);
    this.#forgetDue = true;
    return this.#until;
  }

  /** The same for a tag, which is forgotten afterwards; `known` if it had an epoch before. */
  requestTag(tag: number, known: boolean): void {
    const { tags } = this.#entries;
    // Where no entry has the tag there is nothing to walk for.
    const sweptAt = tags.isCarried(tag) ? this.request() : this.position;
    this.#forgetDue = true;
    if (sweptAt > tags.sweptAt(tag)) tags.setSweptAt(tag, sweptAt);
    if (!known) this.#queue.push(tag, sweptAt);
    while (this.#queue.size > this.maxPending) this.#forgetOldest();
  }

  requestFlush(): void {
    this.#flushesSweptAt = this.request();
  }

  /** `stable` was raised: more may be over. */
  look(): void {
    if (this.#entries.newestEpoch !== 0) this.#forgetDue = true;
  }

  /** Visits at most `limit` ids, or forgets about as many epochs. */
  step(limit: number): void {
    const { table } = this.#entries;
    const before = this.position;
    for (let visited = 0; visited < limit && this.position < this.#until; visited++) {
      if (this.#cursor >= this.#lapEnd) {
        this.#cursor = 1;
        this.#lapEnd = table.limit;
      }
      if (this.#cursor < table.limit) this.#visit(this.#cursor);
      this.#cursor++;
      this.position++;
    }
    this.#entries.work.sweptIds += this.position - before;
    if (this.#forgetDue && !this.working) this.#forgetDue = this.#forget(limit);
  }

  /** Finishes the walk now and forgets what is over, for where a limit leaves no choice. */
  finish(): void {
    while (this.working) this.step(FINISH_STEP);
    this.#forget(Number.POSITIVE_INFINITY);
  }

  /** Finishes the walk and forgets the epochs of all tags and patterns; the arrival floor takes their place. */
  forgetAll(): void {
    const { tags, patterns, guards } = this.#entries;
    this.finish();
    const newest = Math.max(tags.epochs.newest, patterns.epochs.newest);
    if (this.#queue.size + patterns.size > 0) guards.raiseArrivalFloor(newest);
    for (; this.#queue.size > 0; this.#queue.shift()) tags.forget(this.#queue.tag);
    patterns.clear();
    this.#entries.refreshNewestEpoch();
  }

  clear(): void {
    this.#cursor = 1;
    this.#lapEnd = 1;
    this.#until = this.position;
    this.#queue.clear();
    this.#flushesSweptAt = 0;
    this.#forgetDue = false;
  }

  /** Forgets the epochs that are over, those of at most `limit` tags. True if it stopped at the limit. */
  #forget(limit: number): boolean {
    const entries = this.#entries;
    // A fill of another node may be as much younger as clocks may differ.
    const stable = entries.stable - entries.maxClockSkew;
    const more = this.#forgetTags(stable, limit);
    entries.patterns.forget(this.position, stable);
    const { flushes, flushRows } = entries;
    for (let database = 0; database < flushRows.length && this.#flushesSweptAt <= this.position; database++) {
      const row = flushRows[database];
      if (row === 0 || flushes.newestOf(row) > stable) continue;
      flushRows[database] = 0;
      entries.uncountedTo[database] = 0;
      flushes.release(row);
    }
    entries.refreshNewestEpoch();
    return more;
  }

  #forgetTags(stable: number, limit: number): boolean {
    const { tags } = this.#entries;
    const queue = this.#queue;
    for (let steps = 0; queue.size > 0; steps++) {
      if (steps === limit) return true;
      const { tag } = queue;
      if (this.#requeue(tag)) continue;
      if (tags.sweptAt(tag) > this.position || tags.newestOf(tag) > stable) return false;
      queue.shift();
      tags.forget(tag);
    }
    return false;
  }

  /** Puts the oldest tag to the end of the queue if it was raised again since it was put in. */
  #requeue(tag: number): boolean {
    const sweptAt = this.#entries.tags.sweptAt(tag);
    if (sweptAt === this.#queue.position) return false;
    this.#queue.shift();
    this.#queue.push(tag, sweptAt);
    return true;
  }

  #forgetOldest(): void {
    const { tags, guards } = this.#entries;
    while (this.#requeue(this.#queue.tag)) {}
    const { tag } = this.#queue;
    if (tags.sweptAt(tag) > this.position) while (this.working) this.step(FINISH_STEP);
    if (this.#queue.size <= this.maxPending) return;
    guards.raiseArrivalFloor(tags.newestOf(this.#queue.tag));
    tags.forget(this.#queue.tag);
    this.#queue.shift();
  }

  #visit(id: number): void {
    const entries = this.#entries;
    const flags = entries.table.flags(id);
    if ((flags & Flag.LIVE) === 0 || (flags & Flag.TOMBSTONE) !== 0) return;
    if (entries.table.version(id) > entries.newestEpoch) return;
    const fate = entries.fate(id);
    if (fate === Fate.DEAD) entries.remove(id, "invalidated");
    else if (fate === Fate.STALE) {
      if (!entries.table.hasFlag(id, Flag.STALE)) entries.work.markedStale++;
      entries.table.raiseFlag(id, Flag.STALE);
    }
  }
}
