/**
 * Placement: where an operation on a slot is carried out, as this node sees it now. Pure questions to rings, slots and links;
 * nothing is remembered. Protocols ask the same before they send a raw command elsewhere.
 *
 * - *Reads* are served by whoever has the whole slot: an owner, or who was one and is still sent what is stamped.
 * - *Plain writes* go to the slot's primary, or to the next owner that can be reached; an owner stamps them even while the slot
 *   is still on its way to it.
 * - *Atomic operations*, whose result depends on what is there, run at the primary alone. While the slot is on its way to the
 *   primary they run at the node that it comes from, which is told for whom; it does so exactly as long as it is still
 *   sending, because all that it stamps until then arrives before the slot is shown.
 *
 * A region without owners (all its nodes have weight 0) uses those of the other regions.
 */
import type { OwnSlots, SlotOwners } from "./cluster-view.ts";

/** What placement looks at. */
export interface PlacementView {
  readonly config: { readonly id: string };
  readonly peers: { isLinked(peer: string): boolean };
  readonly rings: SlotOwners;
  readonly slots: OwnSlots;
}

/** Where an atomic operation goes: to `peer`, on behalf of `joiner` if that is not empty; this node's own id means here. */
export interface AtomicPlace {
  readonly peer: string;
  readonly joiner: string;
}

export class Placement {
  readonly #view: PlacementView;

  constructor(view: PlacementView) {
    this.#view = view;
  }

  /** The owners to use for a slot, primary first. */
  owners(slot: number): readonly string[] {
    const own = this.#view.rings.own.owners(slot);
    return own.length > 0 ? own : this.#view.rings.owners(slot, true);
  }

  /** True if this node answers reads of the slot. */
  servesReads(slot: number): boolean {
    return this.#view.slots.isReadable(slot);
  }

  /** Peers to ask for an entry, in this order; without those that have no link. */
  readers(slot: number): string[] {
    const { config, peers, slots } = this.#view;
    const source = slots.sourceOf(slot);
    const candidates = source === undefined ? this.owners(slot) : [source, ...this.owners(slot)];
    return [...new Set(candidates)].filter((id) => id !== config.id && peers.isLinked(id));
  }

  /** The primary, if it is another node with a link. */
  otherPrimary(slot: number): string | undefined {
    const { config, peers } = this.#view;
    const primary = this.owners(slot)[0];
    return primary !== undefined && primary !== config.id && peers.isLinked(primary) ? primary : undefined;
  }

  /** Who stamps a plain write; this node's own id means here. Undefined if nobody can be reached. */
  writer(slot: number): string | undefined {
    const { config, peers } = this.#view;
    return this.owners(slot).find((id) => id === config.id || peers.isLinked(id));
  }

  /** Who carries out an atomic operation. Undefined if nobody can be reached who may. */
  atomic(slot: number): AtomicPlace | undefined {
    const { config, peers, slots } = this.#view;
    const primary = this.owners(slot)[0];
    if (primary === undefined) return undefined;
    if (primary !== config.id) return peers.isLinked(primary) ? { peer: primary, joiner: "" } : undefined;
    if (slots.isVisible(slot)) return { peer: config.id, joiner: "" };
    const source = slots.sourceOf(slot);
    return source !== undefined && peers.isLinked(source) ? { peer: source, joiner: config.id } : undefined;
  }

  /** True if this node carries out an atomic operation that reached it, for whom it was told. */
  isAtomicHere(slot: number, joiner: string): boolean {
    const { config, slots } = this.#view;
    if (this.owners(slot)[0] === config.id && slots.isVisible(slot)) return true;
    return joiner !== "" && slots.isReadable(slot) && slots.isSending(slot, joiner);
  }
}
