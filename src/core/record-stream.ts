/**
 * Records one after the other: what a peer's frame, a journal row and a backup chunk contain. Reading stops at the
 * first record that is not intact. Everything before it has been visited and counts; where it begins and what is wrong
 * with it is returned, never skipped: finding the "next" record in damaged bytes would be a guess.
 */
import type { MutableRecord } from "./record.ts";
import { decodeRecord } from "./record-codec.ts";
import { RecordError } from "./record-error.ts";

/** How far `readRecords` came. */
export interface RecordsRead {
  /** Records visited. */
  readonly count: number;
  /** Length in bytes of the intact prefix: all records visited lie before it. */
  readonly intactBytes: number;
  /** What is wrong with the record that begins at `intactBytes`; undefined if the bytes were intact to their end. */
  readonly error: RecordError | undefined;
}

/**
 * Decodes one record after the other and hands each to `visit`.
 *
 * @param bytes concatenated encodings, see record-codec.ts
 * @param into scratch: filled in anew for each record, and pointing into `bytes`
 * @param visit is called in order, with the range of the record's encoding; what it throws is passed on
 */
export function readRecords(
  bytes: Uint8Array,
  into: MutableRecord,
  visit: (record: MutableRecord, start: number, end: number) => void,
): RecordsRead {
  let count = 0;
  let start = 0;
  while (start < bytes.length) {
    let end: number;
    try {
      end = decodeRecord(bytes, start, bytes.length, into);
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      return { count, intactBytes: start, error };
    }
    visit(into, start, end);
    count++;
    start = end;
  }
  return { count, intactBytes: start, error: undefined };
}
