/**
 * RecordError: why bytes are not a record, or why a record cannot become bytes.
 *
 * It is the only thing that the codec throws. Each code is something that really arrives: cut-off files, flipped bits,
 * and peers of another version or with other limits.
 */

export type RecordErrorCode =
  /** The bytes end before the record does. */
  | "truncated"
  /** The checksum does not fit the bytes. */
  | "crc"
  /** The kind is none that this version knows. */
  | "kind"
  /** A length contradicts the lengths around it, or is not written in its shortest form. */
  | "length"
  /** Something is longer than its limit (limits.ts). */
  | "limit"
  /** A field has a value that it cannot have. */
  | "field"
  /** Bytes are left over at the end of the body, and no flag announces them. */
  | "trailing";

export class RecordError extends Error {
  override readonly name = "RecordError";
  readonly code: RecordErrorCode;
  /** Where the record begins in the bytes that were read, or were to be written. */
  readonly offset: number;

  constructor(code: RecordErrorCode, offset: number, message: string) {
    super(`${message} (record at byte ${offset})`);
    this.code = code;
    this.offset = offset;
  }
}
