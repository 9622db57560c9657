/**
 * RegionRing: which nodes of one region hold each slot.
 *
 * A pure function of the region's name, its live members (id, zone, weight) and the number of copies, so that all nodes which
 * know the same members have the same ring; its number is a hash of exactly that, by which they tell. How slots are
 * placed is in slot-placement.ts. Members of weight 0 hold none. The number of copies is the lowest that a live member
 * asks for, those of weight 0 included, and at most the number of members with a weight.
 *
 * A ring never changes; the next one is made from it, so that the change of one member costs a millisecond or two instead of
 * a tenth of one for each member.
 */
import { ByteWriter } from "../core/byte-writer.ts";
import { hashBytes } from "../core/hash.ts";
import { SLOT_COUNT } from "../core/limits.ts";
import { MAX_REPLICAS } from "./cluster-config.ts";
import type { Member } from "./member.ts";
import { writeText } from "./member-codec.ts";
import { SlotOrder } from "./slot-order.ts";
import { NOBODY, SlotPlacement } from "./slot-placement.ts";

const NOBODY_AT_ALL: readonly string[] = [];
/** A weight has three decimals. */
const WEIGHT_UNITS = 1_000;

export class RegionRing {
  readonly region: string;
  /** 0 to 2^53 - 1; rings that place slots differently have different numbers. */
  readonly number: number;
  /** Ids of those who hold slots, sorted. */
  readonly nodes: readonly string[];
  readonly #placement: SlotPlacement;
  /** What `owners` returns, made when it is asked for. */
  #owners: (readonly string[] | undefined)[] | undefined;
  /** Slots with the same owners share a list. */
  readonly #lists = new Map<number, readonly string[]>();

  /**
   * @param members the live members of the region, in any order; those of other regions must not be among them
   * @param before a ring of the same region to start from: the result is the same without, and takes longer
   */
  constructor(region: string, members: readonly Member[], before?: RegionRing) {
    const start = before === undefined ? undefined : before.#placement;
    const orders = new Map(start?.nodes.map((node) => [node.id, node.order]));
    const holders = holdersOf(members);
    const copies = copiesOf(members, holders);
    this.region = region;
    this.number = numberOf(region, holders, copies);
    this.nodes = holders.map((member) => member.id);
    this.#placement = new SlotPlacement(
      holders.map(({ id, zone, weight }) => ({ id, zone, weight, order: orders.get(id) ?? new SlotOrder(id) })),
      copies,
      start,
    );
  }

  /** Copies of each slot, at least 1. */
  get copies(): number {
    return this.#placement.copies;
  }

  /** Ids of the nodes that hold the slot, its primary first; empty if nobody has a weight. The same list until the next ring. */
  owners(slot: number): readonly string[] {
    this.#owners ??= new Array(SLOT_COUNT);
    const known = this.#owners[slot] ?? this.findOwners(slot);
    this.#owners[slot] = known;
    return known;
  }

  /** The first owner of the slot. */
  primary(slot: number): string | undefined {
    return this.owners(slot)[0];
  }

  isOwner(id: string, slot: number): boolean {
    return this.owners(slot).includes(id);
  }

  /** The same, for who keeps it himself: 128 KiB of lists by slot are worth their place only where they are used often. */
  findOwners(slot: number): readonly string[] {
    const { copies, owners } = this.#placement;
    if (this.nodes.length === 0) return NOBODY_AT_ALL;
    let key = 0;
    const at = slot * copies;
    for (let i = at; i < at + copies; i++) key = key * NOBODY + owners[i];
    let list = copies <= 3 ? this.#lists.get(key) : undefined;
    if (list === undefined) {
      list = Array.from(owners.subarray(at, at + copies), (node) => this.nodes[node]);
      if (copies <= 3) this.#lists.set(key, list);
    }
    return list;
  }
}

/** The number that the ring of these members has, without making it. */
export function ringNumber(region: string, members: readonly Member[]): number {
  const holders = holdersOf(members);
  return numberOf(region, holders, copiesOf(members, holders));
}

function holdersOf(members: readonly Member[]): Member[] {
  return members.filter((member) => member.weight > 0).sort((a, b) => (a.id < b.id ? -1 : 1));
}

function copiesOf(members: readonly Member[], holders: readonly Member[]): number {
  const wanted = members.reduce((lowest, member) => Math.min(lowest, member.replicas), MAX_REPLICAS);
  return Math.max(1, Math.min(wanted, holders.length));
}

const writer = new ByteWriter(4_096);

/** 53 bits of a hash over everything that the placement depends on. */
function numberOf(region: string, holders: readonly Member[], copies: number): number {
  writer.clear();
  writeText(writer, region);
  writer.u8(copies);
  for (const { id, zone, weight } of holders) {
    writeText(writer, id);
    writeText(writer, zone);
    writer.u32(Math.round(weight * WEIGHT_UNITS));
  }
  const low = hashBytes(writer.bytes, 0, writer.length, 0x72696e67, 1) >>> 0;
  const high = hashBytes(writer.bytes, 0, writer.length, 0x72696e67, 2) >>> 11;
  return high * 2 ** 32 + low;
}
