/** A batch tells of its records what reading them again would tell, also after batches were merged. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MutableRecord } from "../../../src/core/record.ts";
import { sealRecords } from "../../../src/core/record-seal.ts";
import { readRecords } from "../../../src/core/record-stream.ts";
import { RecordBatch } from "../../../src/journal/record-batch.ts";
import { arbitraryRecord } from "../core/arbitrary-record.ts";

describe("a batch", () => {
  test("counts its records, the highest stamp, and the highest version of each origin", () => {
    const one = fc.tuple(arbitraryRecord, fc.constantFrom(1, 2, 3, 2 ** 32 - 1));
    fc.assert(
      fc.property(fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 5 }), (parts) => {
        const whole = new RecordBatch(16);
        const part = new RecordBatch(16);
        for (const records of parts) {
          for (const [record, origin] of records) {
            record.origin = origin;
            part.append(record);
          }
          whole.merge(part);
          part.clear();
          expect([part.count, part.length, part.highest, part.origins, part.watermarks]).toEqual([0, 0, 0, 0, []]);
        }
        const bytes = whole.writer.view().slice();
        sealRecords(bytes, 0, bytes.length);
        const marks = new Map<number, number>();
        let highest = 0;
        const { count, error } = readRecords(bytes, new MutableRecord(), ({ origin, version, applied }) => {
          marks.set(origin, Math.max(marks.get(origin) ?? 0, version));
          highest = Math.max(highest, version, applied);
        });
        expect([error, count, highest]).toEqual([undefined, whole.count, whole.highest]);
        expect(new Map(whole.watermarks.map((mark) => [mark.origin, mark.version]))).toEqual(marks);
        expect(whole.origins).toBe(marks.size);
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});
