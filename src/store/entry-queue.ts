/**
 * A queue of entries, from most to least recently used, through the policy links of the entry table: it costs no byte
 * per entry. Head and tail are ids, 0 when the queue is empty; the links of the ends are 0 as well.
 *
 * The queue knows the sum of its entries' weights, and marks each entry with its number (1 to 3), so that a policy
 * with several queues finds an entry's own one from the entry alone. An entry is in one queue at most; 0 is in none.
 */
import type { EntryTable } from "./entry-table.ts";

export class EntryQueue {
  /** The most recently used entry. */
  head = 0;
  /** The least recently used entry. */
  tail = 0;
  count = 0;
  weight = 0;
  readonly number: number;
  readonly #table: EntryTable;

  /** @param number Mark of the entries in this queue, 1 to 3. */
  constructor(table: EntryTable, number: number) {
    this.#table = table;
    this.number = number;
  }

  /** Adds an entry that is in no queue, as the most recently used. */
  push(id: number, weight: number): void {
    const table = this.#table;
    const head = this.head;
    table.setPrevious(id, 0);
    table.setNext(id, head);
    if (head === 0) this.tail = id;
    else table.setPrevious(head, id);
    this.head = id;
    table.setQueue(id, this.number);
    this.count++;
    this.weight += weight;
  }

  /** Adds an entry that is in no queue, as the least recently used. */
  pushCold(id: number, weight: number): void {
    const table = this.#table;
    const tail = this.tail;
    table.setPrevious(id, tail);
    table.setNext(id, 0);
    if (tail === 0) this.head = id;
    else table.setNext(tail, id);
    this.tail = id;
    table.setQueue(id, this.number);
    this.count++;
    this.weight += weight;
  }

  /** Takes out an entry of this queue. */
  remove(id: number, weight: number): void {
    const table = this.#table;
    const previous = table.previous(id);
    const next = table.next(id);
    if (previous === 0) this.head = next;
    else table.setNext(previous, next);
    if (next === 0) this.tail = previous;
    else table.setPrevious(next, previous);
    table.setQueue(id, 0);
    this.count--;
    this.weight -= weight;
  }

  /** Makes an entry of this queue the most recently used. */
  touch(id: number): void {
    const head = this.head;
    if (id === head) return;
    const table = this.#table;
    const previous = table.previous(id);
    const next = table.next(id);
    table.setNext(previous, next);
    if (next === 0) this.tail = previous;
    else table.setPrevious(next, previous);
    table.setPrevious(id, 0);
    table.setNext(id, head);
    table.setPrevious(head, id);
    this.head = id;
  }

  /** Forgets all entries without touching them. */
  clear(): void {
    this.head = 0;
    this.tail = 0;
    this.count = 0;
    this.weight = 0;
  }
}
