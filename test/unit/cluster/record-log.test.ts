import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { MAX_RUNS, PendingRecords } from "../../../src/cluster/pending-records.ts";
import { RecordLog } from "../../../src/cluster/record-log.ts";
import { ByteWriter } from "../../../src/core/byte-writer.ts";
import { MutableRecord, RecordKind } from "../../../src/core/record.ts";
import { encodeRecord } from "../../../src/core/record-codec.ts";

function encode(kind: RecordKind, version: number, valueBytes: number): Uint8Array {
  const record = new MutableRecord();
  record.stamp(kind, version, 5);
  record.setKey(new Uint8Array(9), 0, 9);
  record.setValue(new Uint8Array(valueBytes).fill(version), 0, valueBytes);
  const out = new ByteWriter();
  encodeRecord(record, out);
  return out.take();
}

const appends = fc.array(
  fc.record({
    step: fc.integer({ min: 1, max: 5 }),
    valueBytes: fc.oneof(fc.nat(60), fc.constant(5_000)),
    slot: fc.integer({ min: -1, max: 16_383 }),
    global: fc.boolean(),
    kind: fc.constantFrom(RecordKind.SET, RecordKind.DELETE),
    skipped: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 200 },
);

describe("record log", () => {
  test("holds the last records as they were, within its limit, and tells of each that goes", () => {
    fc.assert(
      fc.property(appends, fc.constantFrom(2_000, 20_000), (list, maxBytes) => {
        const dropped: number[] = [];
        const log = new RecordLog<string>(maxBytes, (destinations, version) => {
          expect(destinations).toBe(`for ${version}`);
          dropped.push(version);
        });
        const kept: { version: number; slot: number; global: boolean; kind: number; bytes: Uint8Array }[] = [];
        let version = 0;
        for (const { step, valueBytes, slot, global, kind, skipped } of list) {
          version += step;
          if (skipped === 0) {
            log.skip(version);
            expect(log.droppedTo).toBe(version);
            continue;
          }
          const bytes = encode(kind, version, valueBytes);
          log.append(bytes, 0, bytes.length, version, slot, global, `for ${version}`);
          kept.push({ version, slot, global, kind, bytes });
          expect(log.allocatedBytes).toBeLessThanOrEqual(Math.max(maxBytes, bytes.length + 768) + 768);
        }
        expect(kept.slice(0, dropped.length).map((one) => one.version)).toEqual(dropped);
        expect(log.first).toBe(dropped.length);
        expect(log.end).toBe(kept.length);
        for (let at = log.first; at < log.end; at++) {
          const chunk = log.chunkOf(at);
          const i = at - chunk.first;
          const { bytes, slot, global, kind } = kept[at];
          expect(chunk.bytes.slice(chunk.startOf(i), chunk.startOf(i + 1))).toEqual(bytes as never);
          expect([chunk.slotOf(i), chunk.isGlobal(i), chunk.kindOf(i)]).toEqual([slot, global, kind]);
        }
        for (let wanted = 0; wanted <= version; wanted++) {
          const after = kept.findIndex((one, i) => i >= dropped.length && one.version > wanted);
          expect(log.sequenceAfter(wanted)).toBe(after < 0 ? log.end : after);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("versions that do not rise are a mistake of its user", () => {
    const log = new RecordLog<number>(2_000, () => undefined);
    const bytes = encode(RecordKind.SET, 5, 1);
    log.append(bytes, 0, bytes.length, 5, 0, false, 1);
    expect(() => log.append(bytes, 0, bytes.length, 5, 0, false, 1)).toThrow("the versions of a log increase");
    expect(() => log.skip(4)).toThrow("the versions of a log increase");
  });

  test("nothing is allocated before the first record", () => {
    const log = new RecordLog<number>(64 * 2 ** 20, () => undefined);
    log.skip(7);
    expect([log.allocatedBytes, log.first, log.end, log.sequenceAfter(0)]).toEqual([0, 0, 0, 0]);
  });
});

describe("pending records", () => {
  test("give back what was added, however it is taken", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ gap: fc.nat(2), take: fc.nat(3) }), { maxLength: 300 }), (steps) => {
        const pending = new PendingRecords();
        const expected: number[] = [];
        let next = 0;
        for (const { gap, take } of steps) {
          next += gap;
          expect(pending.add(next)).toBe(true);
          expected.push(next++);
          for (let n = take; n > 0 && expected.length > 0; n--) {
            expect(pending.first).toBe(expected.shift() as number);
            pending.takeTo(pending.first + 1);
          }
          expect(pending.isEmpty).toBe(expected.length === 0);
        }
        while (!pending.isEmpty) {
          for (let at = pending.first; at < pending.firstEnd; at++) expect(expected.shift()).toBe(at);
          pending.takeTo(pending.firstEnd);
        }
        expect(expected).toEqual([]);
      }),
    );
  });

  test("refuse a run too many, and take it when there is room", () => {
    const pending = new PendingRecords();
    for (let i = 0; i < MAX_RUNS; i++) expect(pending.add(2 * i)).toBe(true);
    expect(pending.add(2 * MAX_RUNS)).toBe(false);
    expect(pending.add(2 * MAX_RUNS - 1)).toBe(true);
    pending.takeTo(pending.firstEnd);
    expect(pending.add(2 * MAX_RUNS + 1)).toBe(true);
    pending.clear();
    expect(pending.isEmpty).toBe(true);
  });
});
