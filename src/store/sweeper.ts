/**
 * The sweeper: after an invalidation raised an epoch, walks all entries by id, in slices, takes the dead ones out and
 * marks the stale ones, so that the epoch can be forgotten. No index from tags to keys is needed for it.
 *
 * `position` is round * 2^29 + the id to be visited next. An epoch raised at position p is done with one round later, at
 * p + 2^29, however the table grew meanwhile: every entry that was there has then been compared with it once (newer
 * entries are compared when they are applied). One walk serves all epochs raised before and during it. An epoch is
 * forgotten when its walk is over and `stable` has passed it: nothing that it concerns is here, and nothing can arrive.
 */
import type { Entries } from "./entries.ts";
import { Flag } from "./entry-table.ts";
import { Fate } from "./epochs.ts";

/** Tags with epochs, in the order in which they were raised. Policy at the limit: the sweep is finished at once. */
const MAX_PENDING_TAGS = 1_000_000;

/** One round of all ids: more than 16 GiB of entries can have. */
const ROUND = 2 ** 29;
/** Position at which counting begins anew, long before doubles lose exactness. */
const LAST_POSITION = 2 ** 52;

interface PendingTag {
  readonly tag: number;
  readonly sweptAt: number;
}

export class Sweeper {
  readonly #entries: Entries;
  #until = 0;
  #pendingTags: PendingTag[] = [];
  #pendingFirst = 0;
  #flushesSweptAt = 0;
  /** An epoch was raised whose walk has not been followed by `forget` yet. */
  #forgetDue = false;
  /** Round and id, see above. */
  position = 1;

  constructor(entries: Entries) {
    this.#entries = entries;
  }

  /** True while ids are waiting to be visited. */
  get working(): boolean {
    return this.position < this.#until;
  }

  /** Epochs of tags that wait to be forgotten. */
  get pending(): number {
    return this.#pendingTags.length - this.#pendingFirst;
  }

  /** An epoch was raised: the position at which the walk for it is over. */
  request(): number {
    if (this.position > LAST_POSITION) this.#beginAnew();
    this.#until = this.position + ROUND;
    this.#forgetDue = true;
    return this.#until;
  }

  /** The same for a tag, which is forgotten afterwards. */
  requestTag(tag: number): void {
    this.#pendingTags.push({ tag, sweptAt: this.request() });
    if (this.pending > MAX_PENDING_TAGS) this.finish();
  }

  requestFlush(): void {
    this.#flushesSweptAt = this.request();
  }

  /** Visits at most `limit` ids. Returns how many it visited. */
  step(limit: number): number {
    const { table } = this.#entries;
    let visited = 0;
    while (visited < limit && this.position < this.#until) {
      const id = this.position % ROUND;
      if (id >= table.limit) {
        this.position += ROUND - id + 1;
      } else {
        this.#visit(id);
        this.position++;
      }
      visited++;
    }
    if (this.#forgetDue && !this.working) this.forget();
    return visited;
  }

  /** Finishes the walk now, for where a limit leaves no choice. */
  finish(): void {
    while (this.working) this.step(65_536);
    this.forget();
  }

  /** Forgets the epochs that are over. */
  forget(): void {
    const entries = this.#entries;
    const { tags, patterns, flushes, flushRows, stable } = entries;
    if (!this.working) this.#forgetDue = false;
    while (this.#pendingFirst < this.#pendingTags.length) {
      const { tag, sweptAt } = this.#pendingTags[this.#pendingFirst];
      if (sweptAt > this.position || tags.newestOf(tag) > stable) break;
      this.#pendingFirst++;
      // Raised again since: a later element of the queue will forget it.
      if (!this.#raisedAgain(tag)) tags.forget(tag);
    }
    if (this.#pendingFirst === this.#pendingTags.length) {
      this.#pendingTags = [];
      this.#pendingFirst = 0;
    } else if (this.#pendingFirst > 65_536) {
      this.#pendingTags = this.#pendingTags.slice(this.#pendingFirst);
      this.#pendingFirst = 0;
    }
    patterns.forget(this.position, stable);
    if (this.#flushesSweptAt <= this.position) {
      for (let database = 0; database < flushRows.length; database++) {
        const row = flushRows[database];
        if (row === 0 || flushes.newestOf(row) > stable) continue;
        flushes.release(row);
        flushRows[database] = 0;
      }
    }
    entries.refreshNewestEpoch();
  }

  clear(): void {
    this.#until = this.position;
    this.#pendingTags = [];
    this.#pendingFirst = 0;
    this.#flushesSweptAt = 0;
    this.#latest.clear();
  }

  /** How often each tag is in the queue, where that is more than once. */
  readonly #latest = new Map<number, number>();

  #raisedAgain(tag: number): boolean {
    const more = this.#latest.get(tag) ?? 0;
    if (more === 0) return false;
    if (more === 1) this.#latest.delete(tag);
    else this.#latest.set(tag, more - 1);
    return true;
  }

  /** A tag that has an epoch already was raised anew. */
  noteRaisedAgain(tag: number): void {
    this.#latest.set(tag, (this.#latest.get(tag) ?? 0) + 1);
  }

  #beginAnew(): void {
    this.finish();
    this.position %= ROUND;
    this.#pendingTags = this.#pendingTags.slice(this.#pendingFirst).map(({ tag }) => ({ tag, sweptAt: 0 }));
    this.#pendingFirst = 0;
    this.#flushesSweptAt = 0;
    this.#entries.patterns.markSwept();
  }

  #visit(id: number): void {
    const entries = this.#entries;
    const flags = entries.table.flags(id);
    if ((flags & Flag.LIVE) === 0 || (flags & Flag.TOMBSTONE) !== 0) return;
    if (entries.table.version(id) > entries.newestEpoch) return;
    const fate = entries.fate(id);
    if (fate === Fate.DEAD) entries.remove(id, "invalidated");
    else if (fate === Fate.STALE) entries.table.raiseFlag(id, Flag.STALE);
  }
}
