/** Records that a planted bug keeps for later. */
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { decodeRecord, encodeRecord } from "../../../src/core/record-codec.ts";

/** True for invalidations of whatever kind. */
export function isEpochKind(kind: RecordKind): boolean {
  return kind === RecordKind.INVALIDATE || kind === RecordKind.FLUSH;
}

/** A record of its own, with bytes of its own. */
export function copyRecord(record: MutableRecord): MutableRecord {
  const writer = new ByteWriter(256);
  encodeRecord(record, writer);
  const bytes = writer.take();
  const copy = new MutableRecord();
  decodeRecord(bytes, 0, bytes.length, copy);
  return copy;
}
