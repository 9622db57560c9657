/** Frames with real records, for tests of storage: what is in one follows from its number, so that any can be checked. */
import { ByteWriter } from "../../src/core/byte-writer.ts";
import { MutableRecord, RecordKind } from "../../src/core/record.ts";
import { encodeRecord } from "../../src/core/record-codec.ts";
import { encodeFrame, FrameKind, readFrame } from "../../src/journal/frame.ts";
import type { StoredFrame } from "../../src/journal/storage.ts";

const ORIGIN = 77;
export const RECORD_VALUE_BYTES = 100;

export interface FrameShape {
  readonly kind?: FrameKind;
  readonly heat?: number;
  readonly records?: number;
  /** Distinguishes frames of one number: chunks of several snapshots. */
  readonly salt?: number;
}

/** A frame that is not sealed, in a buffer of its own. */
export function makeFrame(
  sequence: number,
  { kind = FrameKind.JOURNAL, heat = 0, records = 3, salt = 0 }: FrameShape = {},
): Uint8Array {
  const out = new ByteWriter(records * 160);
  const record = new MutableRecord();
  const value = new Uint8Array(RECORD_VALUE_BYTES).fill((sequence * 31 + heat * 7 + salt) & 0xff);
  const first = sequence * 10_000;
  for (let version = first; version < first + records; version++) {
    record.stamp(RecordKind.SET, version, ORIGIN);
    const key = new TextEncoder().encode(`key:${version}`);
    record.setEntry(key, 0, key.length, value, 0, value.length, 0);
    encodeRecord(record, out);
  }
  const highest = first + records - 1;
  const watermarks = [{ origin: ORIGIN, version: highest }];
  return encodeFrame({ kind, heat, sequence, records, highest, watermarks }, out.bytes, 0, out.length);
}

export function makeChunk(sequence: number, heat: number, shape: FrameShape = {}): Uint8Array {
  return makeFrame(sequence, { kind: FrameKind.CHUNK, heat, ...shape });
}

/** True if a frame is, byte for byte, the one that was stored under this number. */
export function isSameFrame({ sequence, heat, frame }: StoredFrame, shape: FrameShape = {}): boolean {
  const expected = makeFrame(sequence, { ...shape, heat });
  // All but the checksum, which the one that was made here does not have.
  if (frame.length !== expected.length) return false;
  for (let i = 0; i < frame.length; i++) if (frame[i] !== expected[i] && (i < 4 || i >= 8)) return false;
  readFrame(frame);
  return true;
}

export async function collect(frames: AsyncIterable<StoredFrame>): Promise<StoredFrame[]> {
  const all: StoredFrame[] = [];
  for await (const frame of frames) all.push(frame);
  return all;
}
