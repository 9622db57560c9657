/**
 * A miniature W-TinyLFU cache: it holds the hashes of sampled keys and nothing else, to learn what hit ratio a setting
 * would have. It follows the rules of tinylfu.ts, with entries of weight 1, and asks the same frequency sketch.
 *
 * Nodes 1 to `maxEntries` are entries, each in one of three circular lists, whose ends are three further nodes; node 0
 * is none. A node has a hash, two neighbours, and the next node of its hash bucket or of the free list: 11 bytes, and
 * 2 to 4 for the buckets.
 */
import { givesSecondChance, isAdmitted, type Tuning } from "./admission.ts";
import type { FrequencySketch } from "./frequency-sketch.ts";

const WINDOW = 1;
const PROBATION = 2;
const PROTECTED = 3;

export class MiniatureCache {
  readonly allocatedBytes: number;
  readonly #tuning: Tuning;
  readonly #maxEntries: number;
  readonly #hashes: Int32Array;
  readonly #previous: Uint16Array;
  readonly #next: Uint16Array;
  readonly #chain: Uint16Array;
  readonly #queues: Uint8Array;
  readonly #buckets: Uint16Array;
  /** Entries of each queue, by its number. */
  readonly #lengths = new Uint16Array(4);
  #size = 0;
  #free = 0;

  /** @param maxEntries Entries at most, up to 32,768. */
  constructor(tuning: Tuning, maxEntries: number) {
    const nodes = maxEntries + 4;
    let buckets = 16;
    while (buckets < maxEntries) buckets *= 2;
    this.#tuning = tuning;
    this.#maxEntries = maxEntries;
    this.#hashes = new Int32Array(nodes);
    this.#previous = new Uint16Array(nodes);
    this.#next = new Uint16Array(nodes);
    this.#chain = new Uint16Array(nodes);
    this.#queues = new Uint8Array(nodes);
    this.#buckets = new Uint16Array(buckets);
    this.allocatedBytes = nodes * 11 + buckets * 2 + 8;
    this.clear();
  }

  /** Entries held now. */
  get size(): number {
    return this.#size;
  }

  clear(): void {
    this.#buckets.fill(0);
    this.#lengths.fill(0);
    this.#size = 0;
    this.#free = 1;
    for (let node = 1; node < this.#maxEntries; node++) this.#chain[node] = node + 1;
    this.#chain[this.#maxEntries] = 0;
    for (let queue = WINDOW; queue <= PROTECTED; queue++) {
      const end = this.#maxEntries + queue;
      this.#previous[end] = end;
      this.#next[end] = end;
    }
  }

  /**
   * Uses a key. If it is absent it is inserted, and others are evicted down to `capacity` entries, at least 1 and at
   * most `maxEntries`.
   *
   * @returns True if it was present.
   */
  access(hash: number, capacity: number, sketch: FrequencySketch): boolean {
    const bucket = this.#bucket(hash);
    let node = this.#buckets[bucket] as number;
    while (node !== 0 && this.#hashes[node] !== hash) node = this.#chain[node] as number;
    if (node !== 0) {
      this.#use(node);
      return true;
    }
    while (this.#size >= capacity) this.#evict(sketch);
    this.#insert(hash, bucket);
    return false;
  }

  #use(node: number): void {
    const queue = this.#queues[node] as number;
    this.#move(node, queue === WINDOW ? WINDOW : PROTECTED);
    if (queue !== PROBATION) return;
    const kept = this.#lengths[PROTECTED] as number;
    const limit = (kept + (this.#lengths[PROBATION] as number)) * this.#tuning.protectedShare;
    if (kept > limit) this.#move(this.#tail(PROTECTED), PROBATION);
  }

  /** Makes room for one entry. */
  #evict(sketch: FrequencySketch): void {
    const candidate = this.#tail(WINDOW);
    const victim = this.#tail(PROBATION) || this.#tail(PROTECTED);
    const room = Math.max(1, this.#size * this.#tuning.windowShare);
    if (victim === 0 || candidate === 0 || (this.#lengths[WINDOW] as number) < room) {
      this.#drop(victim || candidate);
      return;
    }
    const wanted = sketch.estimate(this.#hashes[candidate] as number);
    const given = sketch.estimate(this.#hashes[victim] as number);
    if (isAdmitted(this.#tuning, wanted, given, 1)) {
      this.#move(candidate, PROBATION);
      this.#drop(victim);
    } else {
      this.#drop(candidate);
      if (givesSecondChance(this.#tuning)) this.#move(victim, this.#queues[victim] as number);
    }
  }

  #insert(hash: number, bucket: number): void {
    const node = this.#free;
    this.#free = this.#chain[node] as number;
    this.#hashes[node] = hash;
    this.#chain[node] = this.#buckets[bucket] as number;
    this.#buckets[bucket] = node;
    this.#push(node, WINDOW);
    this.#size++;
    const room = this.#size * this.#tuning.windowShare + 1;
    if ((this.#lengths[WINDOW] as number) > room) this.#move(this.#tail(WINDOW), PROBATION);
  }

  #drop(node: number): void {
    const chain = this.#chain;
    const bucket = this.#bucket(this.#hashes[node] as number);
    const next = chain[node] as number;
    if (this.#buckets[bucket] === node) {
      this.#buckets[bucket] = next;
    } else {
      let before = this.#buckets[bucket] as number;
      while (chain[before] !== node) before = chain[before] as number;
      chain[before] = next;
    }
    this.#unlink(node);
    chain[node] = this.#free;
    this.#free = node;
    this.#size--;
  }

  #bucket(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) >>> 12) & (this.#buckets.length - 1);
  }

  /** The least recently used node of a queue, 0 if it is empty. */
  #tail(queue: number): number {
    const node = this.#previous[this.#maxEntries + queue] as number;
    return node > this.#maxEntries ? 0 : node;
  }

  #move(node: number, queue: number): void {
    this.#unlink(node);
    this.#push(node, queue);
  }

  #push(node: number, queue: number): void {
    const end = this.#maxEntries + queue;
    const head = this.#next[end] as number;
    this.#previous[node] = end;
    this.#next[node] = head;
    this.#previous[head] = node;
    this.#next[end] = node;
    this.#queues[node] = queue;
    this.#lengths[queue]!++; // one length for each queue
  }

  #unlink(node: number): void {
    const previous = this.#previous[node] as number;
    const next = this.#next[node] as number;
    this.#next[previous] = next;
    this.#previous[next] = previous;
    this.#lengths[this.#queues[node] as number]!--; // one length for each queue
  }
}
