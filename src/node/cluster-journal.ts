/**
 * What a member of a cluster journals beside its entries: how far it has received every origin, and of which slots it has all
 * that it should (progress.ts), now and then. A set of slots is written before the watermarks that it holds for: a slot that
 * was lost is not among the complete ones any more when a watermark goes on without its records.
 *
 * How far the others may rely on this (`Watermarks.journaled`) follows when it would survive a power cut. Where nothing is
 * stored a restart begins with nothing, so what is applied counts as journaled at once.
 */
import type { Member } from "../cluster/member.ts";
import { encodeMembers } from "../cluster/member-codec.ts";
import type { SlotSet } from "../cluster/slot-set.ts";
import type { Watermarks } from "../cluster/watermarks.ts";
import { MutableRecord, RecordKind, SLOTS_BYTES } from "../core/record.ts";
import type { Node } from "./node.ts";

const INTERVAL_MS = 500;

/** What stores the node's journal. */
export interface Journaling {
  /** Calls back when everything up to now is written; with false if it never will be. */
  whenStored(callback: (isStored: boolean) => void): void;
  /** The same, when it would survive a power cut, as far as anything is synced at all. */
  whenSynced(callback: (isStored: boolean) => void): void;
}

interface Observed {
  readonly watermarks: Watermarks;
  readonly membership: { list(): readonly Member[] };
  /** True for an origin of a dead member whose watermark stands for what was pulled of it. */
  isEnded(origin: number): boolean;
  readonly slots: { readonly complete: SlotSet };
}

export class ClusterJournal {
  readonly #node: Node;
  readonly #observed: Observed;
  readonly #journaling: Journaling | undefined;
  readonly #record = new MutableRecord();
  #dueMs = 0;
  #isWaiting = false;
  #slotsChanged = false;
  #members: readonly Member[] | undefined;

  constructor(node: Node, observed: Observed, journaling: Journaling | undefined) {
    this.#node = node;
    this.#observed = observed;
    this.#journaling = journaling;
  }

  /** Slots have become visible, or hidden: to be written before anything that follows from it. */
  slotsChanged(): void {
    this.#slotsChanged = this.#journaling !== undefined;
  }

  tick(): void {
    const { outbox, ports } = this.#node;
    if (this.#journaling === undefined) return this.#rely(this.#observed.watermarks.list());
    if (!outbox.journaling || this.#isWaiting || ports.clock.monotonic() < this.#dueMs) return;
    this.#dueMs = ports.clock.monotonic() + INTERVAL_MS;
    this.#writeMembers();
    this.#writeSlots();
    const written = this.#writeWatermarks();
    if (written.length === 0) return;
    this.#isWaiting = true;
    this.#journaling.whenSynced((isStored) => {
      this.#isWaiting = false;
      if (isStored) this.#rely(written);
    });
  }

  #rely(watermarks: readonly { readonly origin: number; readonly version: number }[]): void {
    for (const { origin, version } of watermarks) this.#observed.watermarks.raiseJournaled(origin, version);
  }

  #writeMembers(): void {
    const node = this.#node;
    const list = this.#observed.membership.list();
    if (list === this.#members || list.length < 2) return;
    this.#members = list;
    const members = encodeMembers(list);
    if (isEqual(members, node.progress.members)) return;
    const record = this.#record;
    record.stamp(RecordKind.MEMBERS, node.clock.next(node.nowMs), node.clock.origin);
    record.setValue(members, 0, members.length);
    node.outbox.journal(record);
    node.progress.setMembers(members, record.version, record.origin);
  }

  #writeSlots(): void {
    if (!this.#slotsChanged) return;
    this.#slotsChanged = false;
    const node = this.#node;
    const slots = this.#observed.slots.complete.bytes;
    const record = this.#record;
    record.stamp(RecordKind.SLOTS, node.clock.next(node.nowMs), node.clock.origin);
    record.setValue(slots, 0, SLOTS_BYTES);
    node.outbox.journal(record);
    node.progress.setSlots(slots, record.version, record.origin);
  }

  /** Returns those that have risen since they were written last. */
  #writeWatermarks() {
    const node = this.#node;
    const own = { origin: node.clock.origin, version: node.clock.last };
    // What is ahead of this node's clock was stamped by a bad one, which must not move it after a restart either.
    const risen = [...this.#observed.watermarks.list(), own].filter(
      ({ origin, version }) =>
        version <= own.version &&
        version > (node.progress.watermarks.get(origin) ?? 0) &&
        !this.#observed.isEnded(origin),
    );
    for (const { origin, version } of risen) {
      this.#record.stamp(RecordKind.WATERMARK, version, origin);
      node.outbox.journal(this.#record);
      node.progress.raise(origin, version);
    }
    return risen;
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
