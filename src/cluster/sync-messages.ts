/**
 * What a source and a target of a sync say to each other, all on the BULK channel.
 *
 *     SYNC_REQUEST      id (4) origin (4) received (varint) flags (1) region ring (7) slots required, and for a pull origin (4)
 *                       above (7) fillsAbove (7)
 *     SYNC_DATA         id (4) run (4) number (varint) share (2), in chunk 1: head; role (1) and record, until the end
 *     SYNC_END          id (4) run (4) number (varint) watermark (7) floors
 *     SYNC_ACKNOWLEDGE  id (4) run (4) number (varint)
 *     SYNC_CANCEL       side (1) id (4) later retained (slot sets)
 *
 * The target numbers its requests (`id`), the source its answers (`run`), so that nothing of one attempt is taken for
 * something of another. Chunks are numbered from 1; SYNC_END is the last one. Acknowledgements are cumulative.
 */
import { type ByteReader, ReadError } from "../core/byte-reader.ts";
import type { ByteWriter } from "../core/byte-writer.ts";
import { encodeText } from "../core/bytes.ts";
import { SLOT_COUNT } from "../core/limits.ts";
import { MAX_NAME_BYTES } from "./message.ts";
import { SlotSet } from "./slot-set.ts";
import type { Watermark } from "./watermarks.ts";

/** Origins that one request may require. Policy: the target names the newest. */
export const MAX_REQUIRED = 1_024;

/** Which side of a sync a SYNC_CANCEL is for. */
export const SyncSide = { SOURCE: 0, TARGET: 1 } as const;
export type SyncSide = (typeof SyncSide)[keyof typeof SyncSide];

/** What a record in a chunk is. */
export const SyncRole = {
  /** A change like any other: apply it as if it had come in its stream. */
  CHANGE: 0,
  /** An entry that the source has: it is stored whatever floors of what the source knows say, and it is confirmed. */
  ENTRY: 1,
} as const;
export type SyncRole = (typeof SyncRole)[keyof typeof SyncRole];

const PULL = 1;
const LAST_RESORT = 2;
const GATHER = 4;

/** What an origin left behind. */
export interface PullRequest {
  readonly origin: number;
  readonly above: number;
  readonly fillsAbove: number;
}

export interface SyncRequest {
  readonly id: number;
  /** Of the life that asks. */
  readonly origin: number;
  /** Chunks that the target has. */
  readonly received: number;
  /** The target's, and the number of the ring that it has adopted for it. */
  readonly region: string;
  readonly ring: number;
  /** Slots that the source does not own any more are wanted too. */
  readonly lastResort: boolean;
  /** Nobody has the slots complete: whatever there is of them is wanted. */
  readonly gather: boolean;
  readonly slots: SlotSet;
  /** How far the source must have applied these origins before it ends. */
  readonly required: readonly Watermark[];
  readonly pull: PullRequest | undefined;
}

export function writeRequest(body: ByteWriter, request: SyncRequest): void {
  body.u32(request.id);
  body.u32(request.origin);
  body.varint(request.received);
  const kept = (request.lastResort ? LAST_RESORT : 0) | (request.gather ? GATHER : 0);
  body.u8((request.pull === undefined ? 0 : PULL) | kept);
  writeText(body, request.region);
  body.u56(request.ring);
  request.slots.write(body);
  body.varint(request.required.length);
  for (const { origin, version } of request.required) {
    body.u32(origin);
    body.u56(version);
  }
  if (request.pull === undefined) return;
  body.u32(request.pull.origin);
  body.u56(request.pull.above);
  body.u56(request.pull.fillsAbove);
}

/** @throws {ReadError} */
export function readRequest(body: ByteReader): SyncRequest {
  const id = body.u32();
  const origin = body.u32();
  const received = body.varint();
  const flags = body.u8();
  if (flags > (PULL | LAST_RESORT | GATHER)) throw new ReadError(`flags ${flags} of a sync request`);
  const region = body.text(MAX_NAME_BYTES);
  const ring = body.u56();
  const slots = SlotSet.read(body);
  const count = body.varint();
  if (count > MAX_REQUIRED) throw new ReadError(`${count} origins, where at most ${MAX_REQUIRED} are allowed`);
  const required: Watermark[] = [];
  for (let i = 0; i < count; i++) required.push({ origin: body.u32(), version: body.u56() });
  let pull: PullRequest | undefined;
  if ((flags & PULL) !== 0) pull = { origin: body.u32(), above: body.u56(), fillsAbove: body.u56() };
  body.expectEnd();
  const lastResort = (flags & LAST_RESORT) !== 0;
  return { id, origin, received, region, ring, lastResort, gather: (flags & GATHER) !== 0, slots, required, pull };
}

/** What the first chunk begins with. */
export interface SyncHead {
  /** Up to there the source has forgotten what was deleted; for a pull: and what this target had not confirmed. */
  readonly stable: number;
  /** What is above it is sent by its origin, or passed on, in any case. */
  readonly bound: number;
  /** The slots that come, those to ask for later, and those that can be had where nobody else has them. */
  readonly granted: SlotSet;
  readonly later: SlotSet;
  readonly retained: SlotSet;
}

export function writeHead(body: ByteWriter, head: SyncHead): void {
  body.u56(head.stable);
  body.u56(head.bound);
  head.granted.write(body);
  head.later.write(body);
  head.retained.write(body);
}

/** @throws {ReadError} */
export function readHead(body: ByteReader): SyncHead {
  const stable = body.u56();
  const bound = body.u56();
  return { stable, bound, granted: SlotSet.read(body), later: SlotSet.read(body), retained: SlotSet.read(body) };
}

/** What an answer begins with, and an acknowledgement consists of. */
export interface SyncPlace {
  readonly id: number;
  readonly run: number;
  readonly number: number;
}

export function writePlace(body: ByteWriter, place: SyncPlace): void {
  body.u32(place.id);
  body.u32(place.run);
  body.varint(place.number);
}

/** @throws {ReadError} */
export function readPlace(body: ByteReader): SyncPlace {
  return { id: body.u32(), run: body.u32(), number: body.varint() };
}

export interface SyncEnd {
  /** The source's watermark of the origin that was pulled; 0 otherwise. */
  readonly watermark: number;
  /** By slot; 0 for none. */
  readonly floors: Float64Array;
}

export function writeEnd(body: ByteWriter, end: SyncEnd): void {
  body.u56(end.watermark);
  let count = 0;
  for (const floor of end.floors) if (floor > 0) count++;
  body.varint(count);
  for (let slot = 0; slot < SLOT_COUNT && count > 0; slot++) {
    const floor = end.floors[slot];
    if (floor === 0) continue;
    body.u16(slot);
    body.u56(floor);
    count--;
  }
}

/** @throws {ReadError} */
export function readEnd(body: ByteReader): SyncEnd {
  const watermark = body.u56();
  const floors = new Float64Array(SLOT_COUNT);
  for (let count = body.varint(); count > 0; count--) {
    const slot = body.u16();
    if (slot >= SLOT_COUNT) throw new ReadError(`there is no slot ${slot}`);
    floors[slot] = body.u56();
  }
  body.expectEnd();
  return { watermark, floors };
}

export interface SyncCancel {
  readonly side: SyncSide;
  readonly id: number;
  readonly later: SlotSet;
  readonly retained: SlotSet;
}

export function writeCancel(body: ByteWriter, cancel: SyncCancel): void {
  body.u8(cancel.side);
  body.u32(cancel.id);
  cancel.later.write(body);
  cancel.retained.write(body);
}

/** @throws {ReadError} */
export function readCancel(body: ByteReader): SyncCancel {
  const side = body.u8();
  if (side !== SyncSide.SOURCE && side !== SyncSide.TARGET) throw new ReadError(`side ${side} of a sync`);
  const cancel = { side, id: body.u32(), later: SlotSet.read(body), retained: SlotSet.read(body) };
  body.expectEnd();
  return cancel;
}

function writeText(body: ByteWriter, text: string): void {
  const bytes = encodeText(text);
  body.varint(bytes.length);
  body.range(bytes, 0, bytes.length);
}
