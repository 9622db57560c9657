/**
 * Databases: which physical database a logical number means. SWAPDB exchanges two numbers and touches no entry.
 */
import { DATABASE_COUNT } from "../core/keyspace.ts";

export class Databases {
  readonly #physical = Uint8Array.from({ length: DATABASE_COUNT }, (_, n) => n);

  physical(logical: number): number {
    return this.#physical[logical];
  }

  /** The logical number of a physical database. */
  logical(physical: number): number {
    return this.#physical.indexOf(physical);
  }

  swap(a: number, b: number): void {
    const physical = this.#physical[a];
    this.#physical[a] = this.#physical[b];
    this.#physical[b] = physical;
  }

  /** The permutation, as a record carries it. */
  get permutation(): Uint8Array {
    return this.#physical.slice();
  }

  adopt(permutation: Uint8Array): void {
    this.#physical.set(permutation);
  }
}
