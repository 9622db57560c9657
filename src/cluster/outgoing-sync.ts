/**
 * One sync as its source sees it: a walk over the store in slices, what is applied meanwhile, and an end.
 *
 *     epochs -> entries and tombstones of the slots, as the walk meets them -> floors
 *               and in between, in order: what is applied here in these slots
 *
 * All of it is one sequence of numbered chunks. Chunks are kept until the target has acknowledged them and sent again from
 * the first missing one when nothing was acknowledged for a while; the window bounds them.
 *
 * The floors stand for what was forgotten here: guards and floors between `stable` and `bound`, which were fixed when the
 * sync began. What is above `bound` was applied later and so passed on, and whatever it left behind when it went, the
 * target has that from itself. `stable` must not rise while a sync lasts: what would be forgotten then could not be told.
 *
 * What its origin sends to the target itself is not passed on: whoever is live and sends by the target's ring, the source
 * aside, whose records have to be there before the end. Touches are all the same, because they mean nothing before the entry
 * is there.
 *
 * Limits: `WINDOW_BYTES` sent and not acknowledged, at least one chunk; `MAX_WAITING_BYTES` altogether. Policy: the walk
 * waits; what is passed on cannot wait, and beyond the limit the sync is given up (`overflowed`).
 */
import { ByteWriter } from "../core/byte-writer.ts";
import { MutableRecord, RecordKind } from "../core/record.ts";
import { encodeRecord } from "../core/record-codec.ts";
import { stampOf } from "../store/applier.ts";
import { EpochRecords } from "../store/epoch-records.ts";
import { holdsEntry } from "../store/slot-drop.ts";
import { NO_ORIGIN, SlotWalk } from "../store/slot-walk.ts";
import type { Store } from "../store/store.ts";
import type { SlotSet } from "./slot-set.ts";
import { type SyncEnd, type SyncHead, type SyncRequest, SyncRole, writeEnd, writeHead } from "./sync-messages.ts";

const CHUNK_BYTES = 64 * 1_024;
const WINDOW_BYTES = 2 ** 20;
const MAX_WAITING_BYTES = 16 * 2 ** 20;
/** Epochs or ids looked at in one step. */
const STEP = 64;
const FULL_SHARE = 65_535;

interface Chunk {
  readonly number: number;
  readonly body: Uint8Array;
  readonly isEnd: boolean;
}

export interface OutgoingSyncOptions {
  readonly store: Store;
  /** This node's life. */
  readonly origin: number;
  readonly peer: string;
  readonly request: SyncRequest;
  readonly run: number;
  readonly head: SyncHead;
  /** False for a target in another region: what stays in its region is sent as a delete of what is older. */
  readonly isSameRegion: boolean;
  /** True if the origin is live and sends records of slots by the target's ring. */
  readonly isDirect: (origin: number) => boolean;
  /** Tells what belongs to the node and not to its store. */
  readonly describeOthers: (emit: (record: MutableRecord) => void) => void;
}

export class OutgoingSync {
  readonly #options: OutgoingSyncOptions;
  readonly #record = new MutableRecord();
  readonly #epochs: EpochRecords;
  readonly #walk: SlotWalk;
  readonly #open = new ByteWriter(4_096);
  /** Sealed and not acknowledged, in order; those before `#sent` have been sent. */
  readonly #chunks: Chunk[] = [];
  #sent = 0;
  #number = 0;
  #waitingBytes = 0;
  #epochsDone = false;
  #walkDone = false;
  #ended = false;
  /** As the target said last. */
  request: SyncRequest;
  /** By the monotonic clock. */
  heardMs = 0;
  progressMs = 0;
  overflowed = false;
  /** Only what has been stamped here already is still passed on before the end. */
  isEnding = false;
  bytes = 0;

  constructor(options: OutgoingSyncOptions) {
    const { store, request, head, origin } = options;
    this.#options = options;
    this.request = request;
    this.#epochs = new EpochRecords(store, origin, false);
    this.#walk = new SlotWalk(store, {
      slots: head.granted,
      isAbroad: !options.isSameRegion,
      ...(request.pull === undefined ? {} : request.pull),
    });
    writeHead(this.#open, head);
    options.describeOthers((record) => this.#put(SyncRole.CHANGE, record));
  }

  get peer(): string {
    return this.#options.peer;
  }
  get run(): number {
    return this.#options.run;
  }
  get head(): SyncHead {
    return this.#options.head;
  }
  get slots(): SlotSet {
    return this.#options.head.granted;
  }
  get isPull(): boolean {
    return this.request.pull !== undefined;
  }

  /** True if everything was met, and only the end is missing. */
  get isWalked(): boolean {
    return this.#walkDone && !this.#ended;
  }

  /** True if the target has all of it. */
  get isDone(): boolean {
    return this.#ended && this.#chunks.length === 0;
  }

  /** True if something waits for an acknowledgement. */
  get isWaiting(): boolean {
    return this.#sent > 0;
  }

  /** Walks one step on, unless what there is has not been sent yet. False if there was nothing to do. */
  step(): boolean {
    if (this.#walkDone || this.#sent < this.#chunks.length) return false;
    if (!this.#epochsDone) {
      this.#epochsDone = !this.#epochs.step(STEP, (record) => this.#put(SyncRole.CHANGE, record));
    } else {
      const isMore = this.#walk.step(STEP, this.#record, (record) => {
        const isEntry = record.kind === RecordKind.SET || record.kind === RecordKind.FILL;
        this.#put(isEntry && !this.isPull ? SyncRole.ENTRY : SyncRole.CHANGE, record);
      });
      this.#walkDone = !isMore;
    }
    if (this.#walkDone) this.#seal();
    return true;
  }

  /** A record was applied here; `slot` is -1 if it has none. */
  offer(record: MutableRecord, slot: number): void {
    if (this.#ended || this.isPull || record.kind === RecordKind.HEARTBEAT || record.kind === RecordKind.MARKER) return;
    let role: SyncRole = SyncRole.CHANGE;
    if (slot >= 0) {
      if (!this.slots.has(slot) || record.kind === RecordKind.FLOOR) return;
      if (!this.#options.isSameRegion && !record.global) return this.#offerRegional(record);
      const isNew = stampOf(record) > this.head.bound;
      if (isNew && record.kind !== RecordKind.TOUCH && this.#options.isDirect(record.origin)) return;
      const isEntry = record.kind === RecordKind.SET || record.kind === RecordKind.FILL;
      if (isEntry && holdsEntry(this.#options.store, record)) role = SyncRole.ENTRY;
    }
    this.#put(role, record);
    if (this.#waitingBytes + this.#open.length > MAX_WAITING_BYTES) this.overflowed = true;
  }

  /** The walk may come too late for what a regional entry has replaced. */
  #offerRegional(record: MutableRecord): void {
    if (record.kind > RecordKind.FILL) return;
    this.#record.stamp(RecordKind.DELETE, stampOf(record), NO_ORIGIN);
    this.#record.setKey(record.key, record.keyStart, record.keyEnd);
    this.#put(SyncRole.CHANGE, this.#record);
    if (this.#waitingBytes + this.#open.length > MAX_WAITING_BYTES) this.overflowed = true;
  }

  /**
   * Everything has been met and passed on: the end follows. For a pull the floors name the slots in which something of the
   * origin may have been forgotten.
   *
   * @param watermark this node's of the origin that is pulled; 0 for slots
   */
  end(watermark: number): void {
    const { store, head } = this.#options;
    this.#seal();
    const above = this.request.pull?.above ?? head.stable;
    const upTo = this.isPull ? watermark : head.bound;
    const floors = store.entries.guards.forgotten(above, upTo);
    for (let slot = 0; slot < floors.length; slot++) {
      if (floors[slot] !== 0 && (upTo <= above || !head.granted.has(slot))) floors[slot] = 0;
    }
    const end: SyncEnd = { watermark, floors };
    writeEnd(this.#open, end);
    this.#push(true);
    this.#ended = true;
  }

  /** Something has to be said, even if there is nothing to say: the target asks whether this one is still there. */
  nudge(): void {
    if (this.#ended || this.#chunks.length > 0) return;
    this.#seal();
    if (this.#chunks.length === 0) this.#push(false);
  }

  /** What is to be sent next, undefined if there is nothing or the window is full. Open bytes are sealed for it. */
  next(): Chunk | undefined {
    if (this.#sent === this.#chunks.length && this.#sent === 0) this.#seal();
    const chunk = this.#chunks[this.#sent];
    if (chunk === undefined) return undefined;
    let underWay = 0;
    for (let i = 0; i < this.#sent; i++) underWay += this.#chunks[i].body.length;
    return underWay > 0 && underWay + chunk.body.length > WINDOW_BYTES ? undefined : chunk;
  }

  /** The next chunk was sent. */
  sentNext(): void {
    this.bytes += this.#chunks[this.#sent].body.length;
    this.#sent++;
  }

  /** The target has all chunks up to `number`. True if that is news. */
  acknowledge(number: number): boolean {
    let count = 0;
    while (count < this.#sent && this.#chunks[count].number <= number)
      this.#waitingBytes -= this.#chunks[count++].body.length;
    this.#chunks.splice(0, count);
    this.#sent -= count;
    return count > 0;
  }

  /** Nothing was acknowledged for a while: everything that was sent is sent again. */
  resend(): void {
    this.#sent = 0;
  }

  /** 0 to 65,535. */
  get share(): number {
    return Math.floor((this.#epochsDone ? this.#walk.progress : 0) * FULL_SHARE);
  }

  #put(role: SyncRole, record: MutableRecord): void {
    this.#open.u8(role);
    encodeRecord(record, this.#open);
    if (this.#open.length >= CHUNK_BYTES) this.#push(false);
  }

  #seal(): void {
    if (this.#open.length > 0) this.#push(false);
  }

  #push(isEnd: boolean): void {
    const body = this.#open.take();
    this.#waitingBytes += body.length;
    this.#chunks.push({ number: ++this.#number, body, isEnd });
  }
}
