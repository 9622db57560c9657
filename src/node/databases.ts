/**
 * Databases: which physical database a logical number means. SWAPDB exchanges two numbers and touches no entry. The last
 * writer wins: of two permutations that nodes send each other, all end up with the one that was stamped later.
 */
import { DATABASE_COUNT } from "../core/keyspace.ts";
import { type MutableRecord, RecordKind } from "../core/record.ts";
import { compareVersions } from "../core/version.ts";

export class Databases {
  readonly #physical = Uint8Array.from({ length: DATABASE_COUNT }, (_, n) => n);
  #version = 0;
  #origin = 0;

  physical(logical: number): number {
    return this.#physical[logical];
  }

  /** The logical number of a physical database. */
  logical(physical: number): number {
    return this.#physical.indexOf(physical);
  }

  /** Exchanges two numbers, under a stamp of this node. */
  swap(a: number, b: number, version: number, origin: number): void {
    const physical = this.#physical[a];
    this.#physical[a] = this.#physical[b];
    this.#physical[b] = physical;
    this.#version = version;
    this.#origin = origin;
  }

  /** The stamp of the present permutation; 0 if it is the first one. */
  get version(): number {
    return this.#version;
  }

  /** Fills in the record that gives another node the present permutation; there must have been a change. */
  describe(record: MutableRecord): MutableRecord {
    record.stamp(RecordKind.DATABASES, this.#version, this.#origin);
    record.databases = this.#physical;
    return record;
  }

  /** The permutation, as a record carries it. */
  get permutation(): Uint8Array {
    return this.#physical.slice();
  }

  /** Takes a permutation over if it was stamped later than the present one. */
  adopt(permutation: Uint8Array, version: number, origin: number): boolean {
    if (compareVersions(version, origin, this.#version, this.#origin) <= 0) return false;
    this.#physical.set(permutation);
    this.#version = version;
    this.#origin = origin;
    return true;
  }
}
