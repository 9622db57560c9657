/**
 * Exact LRU: the victim is the entry that was not used for the longest time.
 *
 * One queue through the table's links; a use moves the entry to its head, the tail is evicted. No sampling (as Redis's
 * maxmemory-policy has it), no memory of its own, no counting.
 */
import { EntryQueue } from "./entry-queue.ts";
import type { Policy, PolicyContext, WeightOf } from "./policy.ts";

export class Lru implements Policy {
  readonly name = "lru";
  readonly allocatedBytes = 0;
  readonly counting = false;
  readonly #queue: EntryQueue;
  readonly #weightOf: WeightOf;

  constructor(context: PolicyContext) {
    this.#queue = new EntryQueue(context.table, 1);
    this.#weightOf = context.weightOf;
  }

  add(id: number): void {
    this.#queue.push(id, this.#weightOf(id));
  }

  load(id: number): void {
    this.#queue.pushCold(id, this.#weightOf(id));
  }

  access(id: number): void {
    this.#queue.touch(id);
  }

  resize(_id: number, oldWeight: number, newWeight: number): void {
    this.#queue.weight += newWeight - oldWeight;
  }

  remove(id: number): void {
    this.#queue.remove(id, this.#weightOf(id));
  }

  victim(): number {
    return this.#queue.tail;
  }

  frequency(): undefined {
    return undefined;
  }

  setCapacity(): void {}

  clear(): void {
    this.#queue.clear();
  }
}
