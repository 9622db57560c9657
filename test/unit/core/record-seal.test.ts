/** Checksums that are filled in later: the same bytes as if they had been there from the beginning; nothing else changes. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";
import { sealRecords } from "../../../src/core/record-seal.ts";
import { arbitraryRecord } from "./arbitrary-record.ts";

describe("sealing", () => {
  test("gives what the encoder would have written, wherever the records stand", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(arbitraryRecord, fc.boolean()), { maxLength: 8 }),
        fc.nat(9),
        fc.nat(9),
        (records, before, behind) => {
          const [open, sealed] = [new ByteWriter(), new ByteWriter()];
          for (const out of [open, sealed]) for (let i = 0; i < before; i++) out.u8(0);
          for (const [record, isSealed] of records) {
            encodeRecord(record, open, isSealed);
            encodeRecord(record, sealed);
          }
          const end = open.length;
          for (const out of [open, sealed]) for (let i = 0; i < behind; i++) out.u8(0);
          const bytes = open.take();
          sealRecords(bytes, before, end);
          expect(bytes).toEqual(sealed.take());
        },
      ),
      { numRuns: 300, seed: 5 },
    );
  });

  test("ends where the bytes are no records, and writes nothing outside of its range", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), (noise, start) => {
        // With a checksum in every place there is nothing to fill in.
        const bytes = noise.map((byte) => byte | 1);
        const before = bytes.slice();
        sealRecords(bytes, start, bytes.length);
        expect(bytes).toEqual(before);
        const zeros = new Uint8Array(noise.length);
        sealRecords(zeros, Math.min(start, zeros.length), zeros.length);
        expect(zeros).toEqual(new Uint8Array(noise.length));
      }),
      { numRuns: 300, seed: 6 },
    );
  });
});
