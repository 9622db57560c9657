/**
 * The heads of the hash chains, growing by linear hashing (Litwin, VLDB 1980): one bucket is split for each few
 * inserts, so growth never pauses, needs no second table and moves no more than one chain at a time. It shrinks the
 * same way. The chains themselves are linked through the table of whoever owns the ids.
 *
 * With `low` a power of two and `low <= count < 2 * low`, a hash belongs to bucket `hash & (2 * low - 1)`, or, where
 * that bucket does not exist yet, to `hash & (low - 1)`. Four bytes for each bucket, a load of at most 3/4.
 */
import { releaseBytes } from "../core/bytes.ts";

const PAGE_SHIFT = 14;
const PAGE_BUCKETS = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_BUCKETS - 1;
const FIRST_BUCKETS = 64;

/** How chains are linked: what a split or a merge needs to know of the ids. */
export interface ChainLinks {
  hash(id: number): number;
  chain(id: number): number;
  setChain(id: number, next: number): void;
}

export class BucketArray {
  readonly #links: ChainLinks;
  #pages: Int32Array[] = [new Int32Array(FIRST_BUCKETS)];
  #count = FIRST_BUCKETS;
  #lowMask = FIRST_BUCKETS - 1;
  #highMask = 2 * FIRST_BUCKETS - 1;
  allocatedBytes = FIRST_BUCKETS * 4;

  constructor(links: ChainLinks) {
    this.#links = links;
  }

  /** Bytes of a whole page. */
  readonly pageBytes = PAGE_BUCKETS * 4;

  get count(): number {
    return this.#count;
  }

  bucketOf(hash: number): number {
    const bucket = hash & this.#highMask;
    return bucket < this.#count ? bucket : bucket & this.#lowMask;
  }

  head(bucket: number): number {
    return this.#pages[bucket >>> PAGE_SHIFT][bucket & PAGE_MASK];
  }

  setHead(bucket: number, id: number): void {
    this.#pages[bucket >>> PAGE_SHIFT][bucket & PAGE_MASK] = id;
  }

  /** Puts an id in front of its chain and splits buckets where `size` ids are too many for the load. */
  insert(id: number, hash: number, size: number): void {
    const bucket = this.bucketOf(hash);
    this.#links.setChain(id, this.head(bucket));
    this.setHead(bucket, id);
    while (size > this.#count - (this.#count >>> 2)) this.#split();
  }

  /** Takes an id out of its chain; merges buckets where `size` remaining ids leave most of them empty. */
  remove(id: number, hash: number, size: number): void {
    const bucket = this.bucketOf(hash);
    const after = this.#links.chain(id);
    let at = this.head(bucket);
    if (at === id) {
      this.setHead(bucket, after);
    } else {
      while (this.#links.chain(at) !== id) at = this.#links.chain(at);
      this.#links.setChain(at, after);
    }
    // Four at a time, so that the buckets go as fast as the ids do: they are never more than four for each.
    for (let merges = 0; merges < 4 && this.#count > FIRST_BUCKETS && size < this.#count >>> 2; merges++) this.#merge();
  }

  clear(): void {
    for (const page of this.#pages) releaseBytes(page);
    this.#pages = [new Int32Array(FIRST_BUCKETS)];
    this.#count = FIRST_BUCKETS;
    this.#lowMask = FIRST_BUCKETS - 1;
    this.#highMask = 2 * FIRST_BUCKETS - 1;
    this.allocatedBytes = FIRST_BUCKETS * 4;
  }

  /** The bucket that will be split after `ahead` others. */
  splitSource(ahead: number): number {
    return (this.#count + ahead) & this.#lowMask;
  }

  /** Bytes that the next insert may add: it splits two buckets at most. */
  get growthBytes(): number {
    const first = this.#pages[0];
    const last = this.#count + 1;
    if (this.#pages.length === 1 && last >= first.length && first.length < PAGE_BUCKETS) return first.length * 4;
    return last >>> PAGE_SHIFT >= this.#pages.length ? PAGE_BUCKETS * 4 : 0;
  }

  #split(): void {
    this.#makePage(this.#count);
    const links = this.#links;
    const added = this.#count;
    const source = added & this.#lowMask;
    let id = this.head(source);
    let stays = 0;
    let moves = 0;
    this.#count++;
    while (id !== 0) {
      const next = links.chain(id);
      if ((links.hash(id) & this.#highMask) === added) {
        links.setChain(id, moves);
        moves = id;
      } else {
        links.setChain(id, stays);
        stays = id;
      }
      id = next;
    }
    this.setHead(source, stays);
    this.setHead(added, moves);
    if (this.#count > this.#highMask) {
      this.#lowMask = this.#highMask;
      this.#highMask = this.#highMask * 2 + 1;
    }
  }

  #merge(): void {
    if (this.#count - 1 <= this.#lowMask) {
      this.#highMask = this.#lowMask;
      this.#lowMask = this.#lowMask >>> 1;
    }
    const removed = this.#count - 1;
    const target = removed & this.#lowMask;
    let id = this.head(removed);
    this.setHead(removed, 0);
    while (id !== 0) {
      const next = this.#links.chain(id);
      this.#links.setChain(id, this.head(target));
      this.setHead(target, id);
      id = next;
    }
    this.#count = removed;
    // One spare page is kept, so that a size that wavers around a page's edge does not allocate at each turn.
    if (this.#pages.length > 2 && removed <= (this.#pages.length - 2) * PAGE_BUCKETS) {
      const page = this.#pages.pop() as Int32Array;
      this.allocatedBytes -= page.byteLength;
      releaseBytes(page);
    }
  }

  #makePage(bucket: number): void {
    const first = this.#pages[0];
    if (first.length < PAGE_BUCKETS && bucket >= first.length) {
      const grown = new Int32Array(first.length * 2);
      grown.set(first);
      this.allocatedBytes += first.byteLength;
      releaseBytes(first);
      this.#pages[0] = grown;
    } else if (bucket >>> PAGE_SHIFT >= this.#pages.length) {
      this.#pages.push(new Int32Array(PAGE_BUCKETS));
      this.allocatedBytes += PAGE_BUCKETS * 4;
    }
  }
}
