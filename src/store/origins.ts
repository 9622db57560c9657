/**
 * Origins by number: an entry has 12 bits for its origin, so 32-bit origins are numbered in order of appearance. Number
 * 0 is this node's own. At 4,095 the oldest number is given to the newcomer: its entries then tie-break as the
 * newcomer's, which matters only for two records with the very same stamp.
 */
const LIMIT = 4_095;

export class Origins {
  readonly #numbers = new Map<number, number>();
  readonly #origins: number[] = [];
  #next = 0;
  /** Asked last: records of one origin come in long runs. */
  #lastOrigin = 0;
  #lastNumber = 0;

  constructor(own: number) {
    this.numberOf(own);
  }

  numberOf(origin: number): number {
    if (origin === this.#lastOrigin) return this.#lastNumber;
    const number = this.#numbers.get(origin) ?? this.#add(origin);
    this.#lastOrigin = origin;
    this.#lastNumber = number;
    return number;
  }

  #add(origin: number): number {
    const number = this.#next < LIMIT ? this.#next : 1 + ((this.#next - 1) % (LIMIT - 1));
    this.#next++;
    const replaced = this.#origins[number];
    if (replaced !== undefined) this.#numbers.delete(replaced);
    this.#origins[number] = origin;
    this.#numbers.set(origin, number);
    return number;
  }

  originOf(number: number): number {
    return this.#origins[number] as number;
  }
}
