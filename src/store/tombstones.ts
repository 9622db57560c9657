/**
 * Tombstones in order of arrival: a list through the policy links of the entry table (a tombstone is in no policy's
 * queue), so it costs nothing beside the entries themselves.
 */
import { MAX_TOMBSTONES } from "../core/limits.ts";
import type { EntryTable } from "./entry-table.ts";

export class Tombstones {
  readonly #table: EntryTable;
  #first = 0;
  #last = 0;
  size = 0;
  /** Tombstones at most. Policy: the oldest becomes a guard. */
  limit = MAX_TOMBSTONES;

  constructor(table: EntryTable) {
    this.#table = table;
  }

  /** The oldest one, 0 if there is none. */
  get oldest(): number {
    return this.#first;
  }

  get full(): boolean {
    return this.size >= this.limit;
  }

  add(id: number): void {
    this.#table.setPrevious(id, this.#last);
    this.#table.setNext(id, 0);
    if (this.#last === 0) this.#first = id;
    else this.#table.setNext(this.#last, id);
    this.#last = id;
    this.size++;
  }

  remove(id: number): void {
    const previous = this.#table.previous(id);
    const next = this.#table.next(id);
    if (previous === 0) this.#first = next;
    else this.#table.setNext(previous, next);
    if (next === 0) this.#last = previous;
    else this.#table.setPrevious(next, previous);
    this.#table.setPrevious(id, 0);
    this.#table.setNext(id, 0);
    this.size--;
  }

  clear(): void {
    this.#first = 0;
    this.#last = 0;
    this.size = 0;
  }
}
