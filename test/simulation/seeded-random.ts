/**
 * Random numbers for the simulator: sfc32 (Chris Doty-Humphrey's small fast counter), seeded by a number and a name. Each part
 * of a simulation draws from a stream of its own, so that what one part draws more of changes nothing elsewhere.
 */
import type { Random } from "../../src/core/ports.ts";

const TWO_32 = 4_294_967_296;

export class SeededRandom implements Random {
  readonly #seed: number;
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, name: string) {
    this.#seed = seed;
    this.#name = name;
    let hash = 0x811c9dc5 ^ (seed >>> 0);
    const mix = (value: number): number => {
      hash = Math.imul(hash ^ value, 0x01000193);
      hash ^= hash >>> 15;
      return hash | 0;
    };
    mix(Math.floor(seed / TWO_32));
    for (let i = 0; i < name.length; i++) mix(name.charCodeAt(i));
    this.#a = mix(1);
    this.#b = mix(2);
    this.#c = mix(3);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** From 0 to just below 1. */
  fraction(): number {
    return this.uint32() / TWO_32;
  }

  /** A whole number from 0 to `count` - 1. */
  below(count: number): number {
    return Math.floor(this.fraction() * count);
  }

  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** One of the list, which must not be empty. */
  pick<T>(list: readonly T[]): T {
    const index = this.below(list.length);
    if (index >= list.length) throw new Error("nothing to pick from");
    return list[index] as T;
  }

  /** One of the names, each as often as its weight says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const names = Object.keys(weights) as Name[];
    let left = this.fraction() * names.reduce((sum, name) => sum + weights[name], 0);
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return names.at(-1) as Name;
  }

  /** The list in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const result = list.slice();
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j] as T, result[i] as T];
    }
    return result;
  }

  /** A wait with this mean, ms: exponential, and at most eight times the mean. */
  wait(meanMs: number): number {
    return Math.min(8 * meanMs, -Math.log(1 - this.fraction()) * meanMs);
  }

  /** Another stream, which depends on the seed and both names alone. */
  fork(name: string): SeededRandom {
    return new SeededRandom(this.#seed, `${this.#name}/${name}`);
  }
}
