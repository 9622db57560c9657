/**
 * The rings of one region that this node has adopted and that may still matter: the current one, and those before it until
 * every node of the current one has settled on it.
 *
 * A node has *settled* on a ring when it said so: with a heartbeat behind its marker for the ring whose `low` is not 0 (it is
 * 0 while any of its slots is hidden, see slots.ts). When all nodes of a ring have, nobody gets slots from owners of older
 * rings any more, and everybody sends by this ring or a newer one. Until then records go to the owners by the older rings
 * too, so that sources stay complete whoever has adopted what.
 *
 * Who has just come does not know which rings there were before its first one, so until that has settled its history is
 * *partial*, and its records go to all members of the region. Limit: `MAX_RINGS`. Policy: of more, the second oldest is
 * forgotten, and the history is partial as well.
 */
import { SlotSet } from "./slot-set.ts";

/** Rings of one region that are kept. */
const MAX_RINGS = 8;
const NO_RINGS: readonly SlotRing[] = [];

/** What this part wants of a ring; region-ring.ts. */
export interface SlotRing {
  readonly region: string;
  readonly number: number;
  readonly nodes: readonly string[];
  owners(slot: number): readonly string[];
  isOwner(id: string, slot: number): boolean;
}

interface Adopted {
  readonly ring: SlotRing;
  /** Slots that this node owned by the ring before it, and not by this one. */
  readonly lost: SlotSet;
  readonly settled: Set<string>;
  isSettled: boolean;
}

export class RingHistory {
  /** Oldest first. */
  readonly #adopted: Adopted[] = [];
  #previous: readonly SlotRing[] = NO_RINGS;
  #isPartial = true;

  get current(): SlotRing | undefined {
    return this.#adopted.at(-1)?.ring;
  }

  /** The rings before the current one that still matter, newest first. */
  get previous(): readonly SlotRing[] {
    return this.#previous;
  }

  /** True if there may be rings that matter and are not known here. */
  get isPartial(): boolean {
    return this.#isPartial;
  }

  /** True if all nodes of the current ring have settled on it. */
  get isSettled(): boolean {
    return this.#adopted.at(-1)?.isSettled ?? true;
  }

  adopt(ring: SlotRing, lost: SlotSet): void {
    this.#adopted.push({ ring, lost, settled: new Set(), isSettled: false });
    if (this.#adopted.length > MAX_RINGS) {
      const [oldest, dropped] = this.#adopted;
      oldest.lost.addAll(dropped.lost);
      this.#adopted.splice(1, 1);
      this.#isPartial = true;
    }
    this.#refresh();
  }

  /** The slot is owned again: it is not lost to any of them. */
  regained(slot: number): void {
    for (const { lost } of this.#adopted) lost.delete(slot);
  }

  /**
   * A node has settled on a ring.
   *
   * @returns the slots that were lost with it or before it, and that nobody gets from here any more, if all nodes of the
   * ring have settled now
   */
  settled(node: string, number: number): SlotSet | undefined {
    const at = this.#adopted.findLastIndex(({ ring }) => ring.number === number);
    if (at < 0) return undefined;
    const adopted = this.#adopted[at];
    const { ring, settled } = adopted;
    if (adopted.isSettled) return undefined;
    settled.add(node);
    if (!ring.nodes.every((id) => settled.has(id))) return undefined;
    adopted.isSettled = true;
    this.#isPartial = false;
    const over = new SlotSet();
    for (let i = 0; i <= at; i++) {
      over.addAll(this.#adopted[i].lost);
      this.#adopted[i].lost.clear();
    }
    this.#adopted.splice(0, at);
    this.#refresh();
    return over;
  }

  #refresh(): void {
    const rings: SlotRing[] = [];
    for (let i = this.#adopted.length - 2; i >= 0; i--) {
      const { ring } = this.#adopted[i];
      if (ring.number !== this.current?.number && !rings.some(({ number }) => number === ring.number)) rings.push(ring);
    }
    this.#previous = rings.length === 0 ? NO_RINGS : rings;
  }
}
