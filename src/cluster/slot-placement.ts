/**
 * SlotPlacement: which nodes of a region hold each slot, and how little that changes when the nodes do.
 *
 * The owners of a slot are those with the lowest cost for it (slot-order.ts) among all choices that lie in as many zones as
 * possible. Such choices form a matroid (one node for each zone, joined with any nodes for what is left), so nodes can be
 * put in one after the other, in any order, with the same result: who comes in pushes out the costliest of those that can
 * be spared, himself perhaps. It follows that a joiner takes slots and nobody else gains any, that a leaver's slots are the only
 * ones that change, and that a placement can be made from the one before: a joiner is put into each slot, and the
 * slots of a leaver are made anew.
 *
 * A pure function of the nodes and the number of copies. Making one costs 16,384 ranks a node, a few nanoseconds each.
 */
import { assert } from "../core/assert.ts";
import { SLOT_COUNT } from "../core/limits.ts";
import { lowestCost, type SlotOrder } from "./slot-order.ts";

/** Stands in for an owner where there are fewer nodes than copies. */
export const NOBODY = 0xffff;

export interface SlotNode {
  readonly id: string;
  readonly zone: string;
  /** Above 0. */
  readonly weight: number;
  readonly order: SlotOrder;
}

export class SlotPlacement {
  /** By id, in the order of the ids. */
  readonly nodes: readonly SlotNode[];
  /** Copies of each slot, if there are so many nodes. */
  readonly copies: number;
  /** For each slot `copies` indices of nodes, the cheapest first; `NOBODY` where there are too few. */
  readonly owners: Uint16Array;
  readonly #zones: readonly number[];
  readonly #isOneZone: boolean;
  /** Of the owners; only while the placement is made. */
  #costs = new Float64Array(0);
  /** 1: two owners of the slot share a zone. Only while the placement is made. */
  #repeats = new Uint8Array(0);

  /**
   * @param nodes each with another id, in the order of the ids; at most 65,534
   * @param before a placement to start from: the result is the same without, and takes longer
   */
  constructor(nodes: readonly SlotNode[], copies: number, before?: SlotPlacement) {
    assert(nodes.length < NOBODY, "nodes are numbered with sixteen bits");
    this.nodes = nodes;
    this.copies = copies;
    this.owners = new Uint16Array(SLOT_COUNT * copies).fill(NOBODY);
    const zones = [...new Set(nodes.map((node) => node.zone))];
    this.#zones = nodes.map((node) => zones.indexOf(node.zone));
    this.#isOneZone = zones.length <= 1;
    this.#costs = new Float64Array(SLOT_COUNT * copies);
    this.#repeats = new Uint8Array(SLOT_COUNT);
    if (before === undefined || before.copies !== copies) this.#insertAll(nodes.keys());
    else this.#change(before);
    this.#costs = new Float64Array(0);
    this.#repeats = new Uint8Array(0);
  }

  #insertAll(nodes: Iterable<number>): void {
    const ranks = new Uint16Array(SLOT_COUNT);
    for (const node of nodes) {
      this.nodes[node].order.ranks(ranks);
      for (let slot = 0; slot < SLOT_COUNT; slot++) this.#insert(slot, node, ranks[slot]);
    }
  }

  /** Takes over what did not change, makes anew what leavers held, and puts in the joiners. Another weight is both. */
  #change(before: SlotPlacement): void {
    const newIndex = new Uint16Array(before.nodes.length).fill(NOBODY);
    const joined: number[] = [];
    const known = new Map(before.nodes.map((node, index) => [node.id, index]));
    for (const [index, node] of this.nodes.entries()) {
      const old = known.get(node.id);
      const same = old !== undefined && isSame(before.nodes[old], node);
      if (same) newIndex[old] = index;
      else joined.push(index);
    }
    for (let slot = 0; slot < SLOT_COUNT; slot++) {
      if (this.#takeOver(slot, before, newIndex))
        for (const node of joined) this.#insert(slot, node, this.#rank(slot, node));
      else for (let node = 0; node < this.nodes.length; node++) this.#insert(slot, node, this.#rank(slot, node));
    }
  }

  /** False if one of the owners has gone: then the slot is left empty. */
  #takeOver(slot: number, before: SlotPlacement, newIndex: Uint16Array): boolean {
    const base = slot * this.copies;
    for (let i = base; i < base + this.copies; i++) {
      const old = before.owners[i];
      if (old === NOBODY) break;
      const node = newIndex[old];
      if (node === NOBODY) {
        this.owners.fill(NOBODY, base, base + this.copies);
        return false;
      }
      const { order, weight } = this.nodes[node];
      this.owners[i] = node;
      this.#costs[i] = order.cost(slot, order.rank(slot), weight);
    }
    this.#noteRepeats(slot);
    return true;
  }

  #rank(slot: number, node: number): number {
    return this.nodes[node].order.rank(slot);
  }

  #insert(slot: number, node: number, rank: number): void {
    const last = slot * this.copies + this.copies - 1;
    // Nearly all end here, if there are many nodes.
    const isFull = this.owners[last] !== NOBODY;
    if (isFull && lowestCost(rank, this.nodes[node].weight) > this.#costs[last] && this.#repeats[slot] === 0) return;
    this.#weigh(slot, node, rank, isFull);
  }

  #weigh(slot: number, node: number, rank: number, isFull: boolean): void {
    const base = slot * this.copies;
    const last = base + this.copies - 1;
    const { order, weight } = this.nodes[node];
    const cost = order.cost(slot, rank, weight);
    const spared = isFull ? this.#spared(base, node, cost) : this.owners.indexOf(NOBODY, base);
    if (spared < 0) return;
    let at = spared;
    for (; at > base && this.#isBefore(node, cost, at - 1); at--) {
      this.owners[at] = this.owners[at - 1];
      this.#costs[at] = this.#costs[at - 1];
    }
    // Who is spared stood before the newcomer's place: those between move up.
    if (at === spared) {
      for (; at < last && this.owners[at + 1] !== NOBODY && !this.#isBefore(node, cost, at + 1); at++) {
        this.owners[at] = this.owners[at + 1];
        this.#costs[at] = this.#costs[at + 1];
      }
    }
    this.owners[at] = node;
    this.#costs[at] = cost;
    this.#noteRepeats(slot);
  }

  #noteRepeats(slot: number): void {
    if (this.#isOneZone) return;
    const base = slot * this.copies;
    let repeats = 0;
    for (let i = base; i < base + this.copies; i++) if (this.owners[i] !== NOBODY && this.#shares(base, i)) repeats = 1;
    this.#repeats[slot] = repeats;
  }

  /** The place of the costliest owner that can be spared for the node; -1 if that is the node itself. */
  #spared(base: number, node: number, cost: number): number {
    const last = base + this.copies - 1;
    if (this.#isOneZone) return this.#isBefore(node, cost, last) ? last : -1;
    const zone = this.#zones[node];
    let nodeShares = false;
    let anyShares = false;
    for (let i = base; i <= last; i++) {
      if (this.#zones[this.owners[i]] === zone) nodeShares = true;
      if (this.#shares(base, i)) anyShares = true;
    }
    const nobodyShares = !nodeShares && !anyShares;
    for (let i = last; i >= base; i--) {
      if (nodeShares || nobodyShares) {
        if (!this.#isBefore(node, cost, i)) return -1;
      }
      if (nobodyShares || this.#zones[this.owners[i]] === zone || this.#shares(base, i)) return i;
    }
    return -1;
  }

  /** True if another owner of the slot is in the zone of the one at this place. */
  #shares(base: number, at: number): boolean {
    const zone = this.#zones[this.owners[at]];
    for (let i = base; i < base + this.copies; i++) {
      if (i !== at && this.#zones[this.owners[i]] === zone) return true;
    }
    return false;
  }

  /** True if the node stands before the owner at this place. Equal costs are decided by the ids. */
  #isBefore(node: number, cost: number, at: number): boolean {
    return cost < this.#costs[at] || (cost === this.#costs[at] && node < this.owners[at]);
  }
}

function isSame(a: SlotNode, b: SlotNode): boolean {
  return a.zone === b.zone && a.weight === b.weight;
}
